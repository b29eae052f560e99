import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { localError, MaskinportenError } from "./errors.js";

const abiVersion = 1;
const require = createRequire(import.meta.url);
const { version } = require("../package.json");

// Platform and architecture, as Node names them, to the package with the library.
const packages = {
  "linux x64": "maskinporten-linux-x64",
  "linux arm64": "maskinporten-linux-arm64",
  "win32 x64": "maskinporten-win32-x64",
};

const useWasm = 'The default import falls back to WebAssembly by itself; import "maskinporten/wasm" to choose it.';

/**
 * Loads the addon and the shared library beside it. MASKINPORTEN_NATIVE, the
 * path of an addon, replaces the package for those who build it themselves.
 */
export function loadNative() {
  const path = globalThis.process.env.MASKINPORTEN_NATIVE || installedAddon();
  let addon;
  try {
    addon = require(path);
  } catch (cause) {
    throw unavailable(...loadFailure(String(cause?.message)), cause);
  }
  if (addon.abiVersion() !== abiVersion) {
    throw unavailable(
      `the library beside ${path} has ABI version ${addon.abiVersion()}, this package needs ${abiVersion}`,
      "Install both packages in the same version.",
    );
  }
  return { ...addon.open(MaskinportenError.fromJSON), name: "native", generation: 0 }; // what it holds is never lost
}

function unavailable(message, remedy, cause) {
  return localError("engine_unavailable", message, `${remedy} ${useWasm}`, cause && { cause });
}

/** The package that fits this machine, if there is one. */
export function platformPackage() {
  const { platform, arch } = globalThis.process;
  return packages[`${platform} ${arch}`];
}

function installedAddon() {
  const { platform, arch, versions } = globalThis.process;
  if (versions.bun || versions.deno) throw unavailable("the native engine is for Node only", "Use Node for it.");
  const name = platformPackage();
  if (!name) throw unavailable(`there is no native library for ${platform} ${arch}`, "Nothing is wrong with the installation.");
  let manifest;
  try {
    manifest = require.resolve(`${name}/package.json`);
  } catch {
    throw unavailable(...notInstalled(name));
  }
  const found = JSON.parse(readFileSync(manifest, "utf8")).version;
  if (found !== version) {
    throw unavailable(
      `${name} has version ${found}, maskinporten ${version}`,
      "Install both in the same version; remove node_modules and the old lock entry.",
    );
  }
  return join(dirname(manifest), "maskinporten.node");
}

/** Why an optional dependency that fits this platform is not there. */
function notInstalled(name) {
  const beside = new URL("../../", import.meta.url); // the node_modules that holds this package
  const installed = existsSync(beside) ? readdirSync(beside) : [];
  const others = installed.filter((entry) => /^maskinporten-[a-z0-9]+-[a-z0-9]+$/.test(entry));
  if (others.length > 0) {
    return [`${others[0]} is installed, and this machine needs ${name}`, "Run the install on this platform; do not copy node_modules from another one."];
  }
  return [
    `${name} is not installed`,
    "Install without --omit=optional or --no-optional, and on glibc (not Alpine's musl), which the library needs.",
  ];
}

/** What the dynamic linker's words mean. */
function loadFailure(text) {
  for (const [pattern, message, remedy] of linkerFailures) {
    const match = pattern.exec(text);
    if (match) return [`the native library cannot be loaded: ${message}${match[1] ? ` (${match[1]})` : ""}`, remedy];
  }
  return ["the native library cannot be loaded", "See the cause for the linker's own words."];
}

const linkerFailures = [
  [/version [`'"]?(GLIBC_[0-9.]+)/, "this system's glibc is too old", "Use a newer distribution."],
  [
    /musl|Error relocating|initial-exec TLS|static TLS/i,
    "this system's C library is not glibc",
    "Go libraries cannot be loaded with musl; use a glibc image.",
  ],
  [/(libmaskinporten[^\s:]*): cannot open shared object/, "the library is not beside the addon", "Install the platform package again, whole."],
  [/(undefined symbol: \w+)/, "the addon and the library do not belong together", "Install the platform package again."],
  [
    /wrong ELF class|invalid ELF header|Exec format|file too short/,
    "it is for another processor, or damaged",
    "Run the install on this platform; do not copy node_modules from another one.",
  ],
  [/Cannot find module|no such file/i, "the addon is missing", "Install the platform package again, or correct MASKINPORTEN_NATIVE."],
];
