// The WebAssembly ABI spoken by hand, without the package's engine, and where
// the package's own parts are.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const source = new URL("../node_modules/maskinporten/src/", import.meta.url);

/** A file of the installed package that is not among its exports. */
export const internal = (name) => import(new URL(name, source));

export const builds = ["wasip1", "wasip1-host-signs", "js", "js-host-signs"];

export const bytesOf = (build) => readFileSync(join(process.env.MASKINPORTEN_BUILD, `maskinporten-${build}.wasm`));

export const moduleOf = (build) => new WebAssembly.Module(bytesOf(build));

/** The module with a memory that never has more than that many pages. */
export function limited(bytes, pages) {
  const number = (at) => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return [value, at];
    }
  };
  const leb = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >> 7)]);
  for (let at = 8; at < bytes.length; ) {
    const [size, content] = number(at + 1);
    if (bytes[at] === 5) { // the memory section: one memory, without a limit
      const [least] = number(content + 2);
      const section = [1, 1, ...leb(least), ...leb(pages)];
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([5, section.length, ...section]), bytes.subarray(content + size)]);
    }
    at = content + size;
  }
  throw new Error("there is no memory section");
}

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
