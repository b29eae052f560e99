// Workers: the module is imported statically, which compiles it on deployment.
// The instance is made in the first request, because randomness is forbidden
// before, and no request awaits a promise of another.
import * as workers from "cloudflare:workers";
import module from "../wasm/maskinporten-wasip1.wasm";
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { startReactor } from "./wasi.js";

export { MaskinportenError } from "./errors.js";

export const { Client, diagnose, generateKey, readCertificate } = bind(
  once(() => new WasmEngine("wasip1", () => startReactor(module))),
  { sharesPromises: false, waitUntil: workers.waitUntil },
);
