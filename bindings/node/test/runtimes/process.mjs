// Runs everything in Node, Deno or Bun and prints one line of JSON per result:
//
//   <runtime> process.mjs <native | wasip1 | js> <entry point> <input.json>
import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { runEverything } from "./everything.mjs";

const [name, path, inputFile] = globalThis.process.argv.slice(2);
const tell = (result) => console.log(JSON.stringify(result));

// What a runtime warns of fails the run (see run.mjs); this says where it came from.
globalThis.process.on("warning", (warning) => tell({ name: "a warning", outcome: "failed", why: warning.stack }));

const begin = performance.now();
const entry = await import(path);
new entry.Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).close();
tell({ startMs: performance.now() - begin });

const internal = (file) => import(new URL(`../../node_modules/maskinporten/src/${file}`, import.meta.url));
const { MaskinportenError } = await internal("errors.js");
const { WasmEngine } = await internal("engine-wasm.js");
const { nativeEngine } = name === "native" ? await internal("native.js") : {};
const module = (build) => new WebAssembly.Module(readFileSync(new URL(`../../node_modules/maskinporten/wasm/maskinporten-${build}.wasm`, import.meta.url)));
const engines = {
  native: () => nativeEngine(),
  wasip1: async () => startWith("wasi.js", "startReactor"),
  js: async () => startWith("go-js.js", "startGo"),
};
async function startWith(file, start) {
  const starter = (await internal(file))[start];
  const compiled = module(name);
  return new WasmEngine(name, () => starter(compiled));
}
const engine = await engines[name]();

const input = JSON.parse(readFileSync(inputFile, "utf8"));
await runEverything({ name, entry, engine: () => engine, MaskinportenError, input, runtime: { inspect, node: { crypto } } }, tell);
