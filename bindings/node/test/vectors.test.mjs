// The cases that every language runs: on the shared library and on all four
// WebAssembly builds.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readVectors } from "./fixtures.mjs";
import { casesOfFile, runFiles } from "./vectors.mjs";
import { builds, internal, start } from "./wasm-abi.mjs";

const { MaskinportenError } = await internal("errors.js");
const { nativeEngine } = await internal("native.js");
const { WasmEngine } = await internal("engine-wasm.js");
const files = readVectors(process.env.MASKINPORTEN_VECTORS || join(process.env.MASKINPORTEN_BUILD, "../core/testdata/vectors"));

test("there are vectors", () => {
  assert.ok(files.map(casesOfFile).reduce((sum, { cases }) => sum + cases.length, 0) >= 300);
});

for (const name of ["native", ...builds]) {
  describe(`vectors, ${name}`, { timeout: 120_000 }, () => {
    const engine = name === "native" ? nativeEngine() : new WasmEngine(name, () => start(name));
    for (const file of files) {
      test(file.subject, () => runFiles(engine, MaskinportenError, [file], ({ wrong }) => assert.deepEqual(wrong, [])));
    }
  });
}
