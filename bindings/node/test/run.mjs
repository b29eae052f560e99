// Installs the packed tarballs into an empty folder, offline, and runs the
// tests there: what is tested is what users get.
//
//   node test/run.mjs [name of a test file, without .test.mjs]...
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("../", import.meta.url));
const root = resolve(here, "../..");
const project = mkdtempSync(join(tmpdir(), "maskinporten-node-"));
process.on("exit", () => rmSync(project, { recursive: true, force: true }));

const packages = join(root, "build/packages");
const tarballs = readdirSync(packages)
  .filter((name) => /^maskinporten-.*\.tgz$/.test(name))
  .map((name) => join(packages, name));
writeFileSync(join(project, "package.json"), '{"private": true, "type": "module"}\n');
execFileSync("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", ...tarballs], { cwd: project, stdio: "inherit" });
for (const tool of ["jose", "typescript", "@types/node", "undici-types", "express", "fastify", "publint", "@arethetypeswrong/cli"]) {
  const link = join(project, "node_modules", tool);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(here, "node_modules", tool), link);
}
const ours = (path) => !path.slice(here.length).includes("node_modules");
for (const folder of ["test", "examples"]) cpSync(join(here, folder), join(project, folder), { recursive: true, filter: ours });

const wanted = process.argv.slice(2);
const files = readdirSync(join(project, "test"))
  .filter((name) => name.endsWith(".test.mjs") && (wanted.length === 0 || wanted.includes(name.slice(0, -9))))
  .map((name) => join("test", name));
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=2", ...files], {
  cwd: project,
  stdio: "inherit",
  env: { ...process.env, MASKINPORTEN_BUILD: join(root, "build"), MASKINPORTEN_COMMAND: process.env.MASKINPORTEN_COMMAND ?? join(root, "build/maskinporten") },
});
process.exitCode = status ?? 1;
