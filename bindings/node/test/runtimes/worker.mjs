// Runs everything in one request to a Worker, which answers with one line of
// JSON per result.
import * as entry from "maskinporten";
import { WasmEngine } from "../../node_modules/maskinporten/src/engine-wasm.js";
import { startReactor } from "../../node_modules/maskinporten/src/wasi.js";
import module from "../../node_modules/maskinporten/wasm/maskinporten-wasip1.wasm";
import { runEverything } from "./everything.mjs";

const { MaskinportenError } = entry;

export default {
  async fetch(request) {
    if (request.method === "GET") {
      // The first such request is the first use of the package.
      new entry.Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).close();
      return new Response("started");
    }
    const input = await request.json();
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const tell = (result) => writer.write(encoder.encode(`${JSON.stringify(result)}\n`));
    const engine = () => new WasmEngine("wasip1", () => startReactor(module));
    const running = runEverything({ name: "wasip1", entry, engine, MaskinportenError, input, runtime: { sharesPromises: false } }, tell)
      .catch((error) => tell({ name: "the runner", outcome: "failed", why: String(error?.stack ?? error) }))
      .finally(() => writer.close());
    running.catch(() => {});
    return new Response(readable);
  },
};
