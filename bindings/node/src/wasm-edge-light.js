// Vercel's Edge runtime: as for Workers, but it tells a module from its URL.
import module from "../wasm/maskinporten-wasip1.wasm?module";
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { startReactor } from "./wasi.js";

export { MaskinportenError } from "./errors.js";

export const { Client, diagnose, generateKey, readCertificate } = bind(
  once(() => new WasmEngine("wasip1", () => startReactor(module))),
  { sharesPromises: false },
);
