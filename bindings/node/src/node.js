// Node: the shared library where there is one for this platform, else
// WebAssembly. client.engine says which; importing "maskinporten/native" and
// making a Client says why not.
import { bind, once } from "./bind.js";
import { MaskinportenError } from "./errors.js";
import { nativeEngine } from "./native.js";
import { wasmEngine } from "./wasm.js";

export { MaskinportenError };

export const { Client, diagnose, generateKey, readCertificate } = bind(
  once(() => {
    try {
      return nativeEngine();
    } catch (error) {
      if (error instanceof MaskinportenError && error.code === "engine_unavailable") return wasmEngine();
      throw error;
    }
  }),
);
