// Runs everything in a browser, and posts each result to where the page came
// from.
const tell = async (result) => {
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
};
const begin = performance.now();
try {
  const entry = await import("maskinporten");
  new entry.Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).close();
  await tell({ startMs: performance.now() - begin });
  const { WasmEngine } = await import("../../node_modules/maskinporten/src/engine-wasm.js");
  const { startReactor } = await import("../../node_modules/maskinporten/src/wasi.js");
  const { runEverything } = await import("./everything.mjs");
  const module = await WebAssembly.compileStreaming(fetch("/wasm/maskinporten-wasip1.wasm"));
  const input = await (await fetch("/input.json")).json();
  const engine = () => new WasmEngine("wasip1", () => startReactor(module));
  await runEverything({ name: "wasip1", entry, engine, MaskinportenError: entry.MaskinportenError, input, runtime: { isBrowser: true } }, tell);
} catch (error) {
  await tell({ name: "the runner", outcome: "failed", why: String(error?.stack ?? error) });
  await tell({ done: true });
}
