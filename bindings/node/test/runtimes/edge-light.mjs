// Runs everything as a script of Vercel's Edge runtime. What runs it has put
// `input` and `tell` on the global object, which take and give JSON.
import * as entry from "maskinporten";
import { WasmEngine } from "../../node_modules/maskinporten/src/engine-wasm.js";
import { startReactor } from "../../node_modules/maskinporten/src/wasi.js";
import module from "../../node_modules/maskinporten/wasm/maskinporten-wasip1.wasm?module";
import { runEverything } from "./everything.mjs";

const tell = (result) => globalThis.tell(JSON.stringify(result));
const begin = performance.now();
new entry.Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).close();
tell({ startMs: performance.now() - begin });
const engine = () => new WasmEngine("wasip1", () => startReactor(module));
const { MaskinportenError } = entry;
runEverything({ name: "wasip1", entry, engine, MaskinportenError, input: JSON.parse(globalThis.input), runtime: { sharesPromises: false } }, tell).catch((error) => {
  tell({ name: "the runner", outcome: "failed", why: String(error?.stack ?? error) });
  tell({ done: true });
});
