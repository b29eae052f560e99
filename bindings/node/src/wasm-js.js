// Node with the GOOS=js module and Go's own wasm_exec.js.
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { startGo } from "./go-js.js";
import { moduleFile } from "./wasm-file.js";

export { MaskinportenError } from "./errors.js";

export const { Client, diagnose, generateKey, readCertificate } = bind(
  once(() => {
    const module = moduleFile("maskinporten-js");
    return new WasmEngine("js", () => startGo(module));
  }),
);
