// The cases that every language runs: on the shared library and on all four
// WebAssembly builds.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { files, run } from "./vectors.mjs";
import { builds, internal, moduleOf, start } from "./wasm-abi.mjs";

const { nativeEngine } = await internal("native.js");
const { WasmEngine } = await internal("engine-wasm.js");

test("there are vectors", () => {
  assert.ok(files.reduce((sum, { cases }) => sum + cases.length, 0) >= 300);
});

for (const name of ["native", ...builds]) {
  describe(`vectors, ${name}`, { timeout: 120_000 }, () => {
    const engine = name === "native" ? nativeEngine() : new WasmEngine(name, () => start(name));
    for (const { subject, operation, cases } of files.filter(({ cases }) => cases.length > 0)) {
      test(subject, async () => {
        // All at once, so that their pauses overlap.
        const wrong = await Promise.all(
          cases.map(async (one) => {
            const why = await run(engine, operation, one).catch((error) => error.stack);
            return why && `${one.name}: ${why}`;
          }),
        );
        assert.deepEqual(wrong.filter(Boolean), []);
      });
    }
  });
}
