// Packs the package and its platform packages into a folder:
//
//   node pack.mjs FOLDER                       the package, and the addon and library of this machine
//   node pack.mjs FOLDER linux-x64 win32-x64   the package, and those of these platforms
//
//   maskinporten-<version>.tgz             JavaScript and WebAssembly (make wasm)
//   maskinporten-<platform>-<version>.tgz  the addon and the library (build-native.mjs)
//
// The platform packages are optional dependencies of the first, so npm installs
// the one that fits, and none needs an install script. Equal inputs give equal bytes.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const build = join(root, "build");
const stage = join(build, "npm");
const { devDependencies, scripts, ...manifest } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

// What npm compares with the machine, and what a person reads.
const platforms = {
  "linux-x64": { os: ["linux"], cpu: ["x64"], libc: ["glibc"], title: "Linux on x64 with glibc" },
  "linux-arm64": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"], title: "Linux on arm64 with glibc" },
  "win32-x64": { os: ["win32"], cpu: ["x64"], title: "Windows on x64" },
};
const nameOf = (platform) => `${manifest.name}-${platform}`;

const [destination, ...wanted] = process.argv.slice(2);
if (!destination || !wanted.every((platform) => platforms[platform])) {
  throw new Error(`usage: node pack.mjs FOLDER [${Object.keys(platforms).join("|")}]...`);
}

/** Packs a folder that holds exactly `files` (name in it -> path) and its manifest. */
function pack(manifest, files) {
  const folder = join(stage, manifest.name);
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of Object.entries(files)) cpSync(path, join(folder, name), { recursive: true });
  if (existsSync(join(root, "LICENSE"))) cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  // npm keeps the modes, which would be those of whoever checked the files out.
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath ?? entry.path, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
  execFileSync("npm", ["pack", "--silent", "--pack-destination", resolve(destination)], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}

function packNative(platform, folder) {
  const { title, ...fits } = platforms[platform];
  const files = readdirSync(folder);
  pack(
    {
      name: nameOf(platform),
      version: manifest.version,
      description: `The native part of ${manifest.name} for ${title}. Installed by ${manifest.name}, not by hand.`,
      license: manifest.license,
      engines: manifest.engines,
      type: "commonjs",
      ...fits,
      files,
    },
    Object.fromEntries(files.map((name) => [name, join(folder, name)])),
  );
}

rmSync(stage, { recursive: true, force: true });
mkdirSync(destination, { recursive: true });

pack(
  { ...manifest, optionalDependencies: Object.fromEntries(Object.keys(platforms).map((platform) => [nameOf(platform), manifest.version])) },
  {
    src: join(here, "src"),
    "README.md": join(here, "README.md"),
    "wasm/maskinporten-wasip1.wasm": join(build, "maskinporten-wasip1.wasm"),
    "wasm/maskinporten-js.wasm": join(build, "maskinporten-js.wasm"),
    "wasm/wasm_exec.js": join(build, "wasm_exec.js"),
  },
);
for (const platform of wanted) packNative(platform, join(build, `node-${platform}`));
if (wanted.length === 0) packNative(`${process.platform}-${process.arch}`, join(build, "node"));
