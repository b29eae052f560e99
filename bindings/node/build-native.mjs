// Builds the Node-API addon with a C compiler alone and puts the library beside it:
//
//   node build-native.mjs                 for this machine, from what `make lib` built, with CC (default cc)
//     build/node/maskinporten.node  build/node/libmaskinporten.so.<ABI version>
//   node build-native.mjs linux-arm64     for a platform of src/engine-native.js, from what `make release` built,
//     build/node-linux-arm64/...          with zig (ZIG)
//
// The headers are those of node-api-headers, or those that came with this Node.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const build = fileURLToPath(new URL("../../build/", import.meta.url));
const require = createRequire(import.meta.url);

// As Node names them: where the release build is, and what zig calls it.
const releases = {
  "linux-x64": { from: "release/linux-amd64", target: "x86_64-linux-gnu.2.17" },
  "linux-arm64": { from: "release/linux-arm64", target: "aarch64-linux-gnu.2.17" },
  "win32-x64": { from: "release/windows-amd64", target: "x86_64-windows-gnu" },
};

function nodeHeaders() {
  try {
    return require("node-api-headers").include_dir;
  } catch {
    const shipped = join(dirname(process.execPath), "../include/node");
    if (existsSync(join(shipped, "node_api.h"))) return shipped;
    throw new Error("node_api.h is missing: run npm ci in bindings/node");
  }
}

/** What the addon takes from node.exe, as the linker on Windows wants it. */
function nodeImports(zig, folder) {
  const { def_paths: lists } = require("node-api-headers");
  return [lists.js_native_api_def, lists.node_api_def].map((list, i) => {
    const library = join(folder, `node${i}.lib`);
    execFileSync(zig, ["dlltool", "-m", "i386:x86-64", "-d", list, "-l", library], { stdio: "inherit" });
    return library;
  });
}

const [platform] = process.argv.slice(2);
if (platform && !releases[platform]) throw new Error(`${platform}: no such platform; there are ${Object.keys(releases).join(", ")}`);
const { from, target } = releases[platform] ?? { from: "." };
const zig = process.env.ZIG || "zig";
const [compiler, ...first] = target ? [zig, "cc", "-target", target] : [process.env.CC || "cc"];
const windows = platform?.startsWith("win32");
const out = join(build, platform ? `node-${platform}` : "node");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

// On Linux the library is loaded by its SONAME, which ends in the ABI version.
const header = readFileSync(join(here, "../../capi/include/maskinporten.h"), "utf8");
const built = windows ? "maskinporten.dll" : "libmaskinporten.so";
const library = windows ? built : `${built}.${/#define MP_ABI_VERSION (\d+)/.exec(header)[1]}`;
copyFileSync(join(build, from, built), join(out, library));
const command = windows ? "maskinporten.exe" : "maskinporten"; // for maskinporten/testing
copyFileSync(join(build, from, command), join(out, command));

const work = join(build, `work-node-${platform}`); // for what is only linked with
if (windows) mkdirSync(work, { recursive: true });
execFileSync(
  compiler,
  [
    ...first,
    ...["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-shared", "-s"],
    // A worker that ends would unload the addon, and the Go runtime cannot be unloaded.
    ...(windows ? [] : ["-fPIC", "-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,-rpath,$ORIGIN"]),
    ...["-isystem", nodeHeaders(), "-I", join(here, "../../capi/include")],
    ...["-o", join(out, "maskinporten.node"), join(here, "native/addon.c")],
    ...(windows ? [join(build, from, "maskinporten.lib"), ...nodeImports(zig, work)] : [join(out, library)]),
  ],
  { stdio: "inherit" },
);
rmSync(work, { recursive: true, force: true });
rmSync(join(out, "addon.lib"), { force: true }); // made along with a DLL; nobody links with an addon
