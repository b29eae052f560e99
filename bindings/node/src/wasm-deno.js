// Deno, from a folder or from the network. Its fetch sends a request once more
// when a connection that it has used before is closed, and a grant may be sent
// only once: requests for tokens get a connection of their own.
import { bind, once } from "./bind.js";
import { WasmEngine } from "./engine-wasm.js";
import { fetchedModule } from "./fetched.js";
import { startReactor } from "./wasi.js";

export { MaskinportenError } from "./errors.js";

const module = await fetchedModule();
const client = globalThis.Deno?.createHttpClient?.({ poolMaxIdlePerHost: 0 });

export const { Client, diagnose, generateKey, readCertificate } = bind(
  once(() => new WasmEngine("wasip1", () => startReactor(module))),
  { sendOnce: { client } },
);
