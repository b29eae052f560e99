import { readFileSync } from "node:fs";

/** A module of this package, read from its folder. */
export function moduleFile(name) {
  return new WebAssembly.Module(readFileSync(new URL(`../wasm/${name}.wasm`, import.meta.url)));
}
