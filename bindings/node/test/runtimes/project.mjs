// An empty project with the packed tarballs installed, as a user has it, and
// the tests beside them.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const bindings = fileURLToPath(new URL("../../", import.meta.url));
export const root = join(bindings, "../..");

/** Makes the project; it is removed when this process ends. */
export function makeProject(tools) {
  const project = mkdtempSync(join(tmpdir(), "maskinporten-node-"));
  process.on("exit", () => rmSync(project, { recursive: true, force: true }));
  const tarballs = readdirSync(join(root, "build/packages"))
    .filter((name) => /^maskinporten-.*\.tgz$/.test(name))
    .map((name) => join(root, "build/packages", name));
  writeFileSync(join(project, "package.json"), '{"private": true, "type": "module"}\n');
  execFileSync("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", ...tarballs], { cwd: project, stdio: "inherit" });
  for (const tool of tools) {
    const link = join(project, "node_modules", tool);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(bindings, "node_modules", tool), link);
  }
  const notModules = (path) => !path.includes("node_modules");
  for (const folder of ["test", "examples"]) cpSync(join(bindings, folder), join(project, folder), { recursive: true, filter: (path) => notModules(path.slice(bindings.length)) });
  return project;
}
