// Every other runtime: the module is fetched and compiled while this file is
// imported, so that Client needs no waiting afterwards.
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { fetchedModule } from "./fetched.js";
import { startReactor } from "./wasi.js";

export { MaskinportenError } from "./errors.js";

const module = await fetchedModule();

export const { Client, diagnose, generateKey, readCertificate } = bind(once(() => new WasmEngine("wasip1", () => startReactor(module))));
