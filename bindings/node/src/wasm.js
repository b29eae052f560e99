// Node with WebAssembly: needs no platform package.
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { moduleFile } from "./wasm-file.js";
import { startReactor } from "./wasi.js";

export { MaskinportenError } from "./errors.js";

export const wasmEngine = once(() => {
  const module = moduleFile("maskinporten-wasip1");
  return new WasmEngine("wasip1", () => startReactor(module));
});
export const { Client, diagnose, generateKey, readCertificate } = bind(wasmEngine);
