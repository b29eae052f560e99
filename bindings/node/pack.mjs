// Packs what `make lib`, `make wasm` and build-native.mjs have built:
//   dist/maskinporten-<version>.tgz            JavaScript and WebAssembly
//   dist/maskinporten-linux-x64-<version>.tgz  the addon and the library
// The second is an optional dependency of the first, so npm installs it only
// where it fits, and neither needs an install script.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const build = join(root, "build");
const stage = join(build, "npm");
const { devDependencies, scripts, ...manifest } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const native = `${manifest.name}-linux-x64`;

/** Packs a folder that holds exactly `files` (name in it -> path) and its manifest. */
function pack(manifest, files) {
  const folder = join(stage, manifest.name);
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of Object.entries(files)) cpSync(path, join(folder, name), { recursive: true });
  if (existsSync(join(root, "LICENSE"))) cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", join(root, "dist")], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}

rmSync(stage, { recursive: true, force: true });
mkdirSync(join(root, "dist"), { recursive: true });

pack(
  { ...manifest, optionalDependencies: { [native]: manifest.version } },
  {
    src: join(here, "src"),
    "README.md": join(here, "README.md"),
    "wasm/maskinporten-wasip1.wasm": join(build, "maskinporten-wasip1.wasm"),
    "wasm/maskinporten-js.wasm": join(build, "maskinporten-js.wasm"),
    "wasm/wasm_exec.js": join(build, "wasm_exec.js"),
  },
);

const libraries = readdirSync(join(build, "node"));
pack(
  {
    name: native,
    version: manifest.version,
    description: `The native part of ${manifest.name} for Linux on x64 with glibc. Installed by ${manifest.name}, not by hand.`,
    license: manifest.license,
    engines: manifest.engines,
    os: ["linux"],
    cpu: ["x64"],
    libc: ["glibc"],
    files: libraries,
  },
  Object.fromEntries(libraries.map((name) => [name, join(build, "node", name)])),
);
