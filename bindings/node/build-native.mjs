// Builds the Node-API addon with the C compiler alone (CC, default cc) and puts
// the library beside it:
//   build/node/maskinporten.node  build/node/libmaskinporten.so.<ABI version>
// The headers are those of node-api-headers, or those that came with this Node.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const build = fileURLToPath(new URL("../../build/", import.meta.url));

function nodeHeaders() {
  try {
    return createRequire(import.meta.url)("node-api-headers").include_dir;
  } catch {
    const shipped = join(dirname(process.execPath), "../include/node");
    if (existsSync(join(shipped, "node_api.h"))) return shipped;
    throw new Error("node_api.h is missing: run npm ci in bindings/node");
  }
}

// The library is loaded by its SONAME, which ends in the ABI version.
const header = readFileSync(join(build, "include/maskinporten.h"), "utf8");
const soname = `libmaskinporten.so.${/#define MP_ABI_VERSION (\d+)/.exec(header)[1]}`;

mkdirSync(join(build, "node"), { recursive: true });
copyFileSync(join(build, "libmaskinporten.so"), join(build, "node", soname));
execFileSync(
  process.env.CC || "cc",
  [
    ...["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared", "-s"],
    // A worker that ends would unload the addon, and the Go runtime cannot be unloaded.
    ...["-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,-rpath,$ORIGIN"],
    ...["-isystem", nodeHeaders(), "-I", join(build, "include")],
    ...["-o", join(build, "node/maskinporten.node"), join(here, "native/addon.c")],
    join(build, "node", soname),
  ],
  { stdio: "inherit" },
);
