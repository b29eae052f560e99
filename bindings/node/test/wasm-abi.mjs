// The WebAssembly ABI spoken by hand, without the package's engine, and where
// the package's own parts are.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const source = new URL("../node_modules/maskinporten/src/", import.meta.url);

/** A file of the installed package that is not among its exports. */
export const internal = (name) => import(new URL(name, source));

export const builds = ["wasip1", "wasip1-host-signs", "js", "js-host-signs"];

export const moduleOf = (build) => new WebAssembly.Module(readFileSync(join(process.env.MASKINPORTEN_BUILD, `maskinporten-${build}.wasm`)));

const { startReactor } = await internal("wasi.js");
const { startGo } = await internal("go-js.js");

/** Starts an instance: {exports, memory, stop}. */
export const start = (build, module = moduleOf(build)) => (build.startsWith("js") ? startGo : startReactor)(module);

/** Reads a result: {status, payload}, and frees its block. */
export function take({ exports, memory }, packed) {
  const bits = BigInt.asUintN(64, packed);
  const address = Number(bits >> 32n);
  const bytes = new Uint8Array(memory.buffer, address, Number(bits & 0xffffffffn)).slice();
  exports.mp_free(address);
  return { status: new DataView(bytes.buffer).getInt32(0, true), payload: bytes.subarray(4), text: new TextDecoder().decode(bytes.subarray(4)), address };
}

/** Copies text into a block: [address, length]. */
export function give({ exports, memory }, text) {
  const bytes = new TextEncoder().encode(text);
  const address = exports.mp_alloc(bytes.length) >>> 0;
  new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
  return [address, bytes.length];
}

export const handleIn = (result) => new DataView(result.payload.slice().buffer).getBigUint64(0, true);

export const hostSigns = JSON.stringify({ environment: "test", client_id: "c0ffee00-0000-4000-8000-000000000000", key: { kid: "k" } });
