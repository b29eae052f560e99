// The suite in Node's own test runner. One file per engine runs all of it.
import * as crypto from "node:crypto";
import { after, describe, test } from "node:test";
import { inspect } from "node:util";
import { startFixtures } from "./fixtures.mjs";
import { collect, runCase } from "./harness.mjs";
import { casesOf } from "./suite.mjs";
import { oddTests } from "./suite-odd.mjs";
import { internal, start } from "./wasm-abi.mjs";
import { makeWorld } from "./world.mjs";

export async function suite(name, entry) {
  const { fixtures, close } = await startFixtures();
  const { bind } = await internal("bind.js");
  const { nativeEngine } = await internal("native.js");
  const { WasmEngine } = await internal("engine-wasm.js");
  const ownEngine = name === "native" ? nativeEngine : () => new WasmEngine(name, () => start(name));
  const world = makeWorld(name, await import(entry), fixtures, { inspect, node: { crypto }, bind, ownEngine, parts: { WasmEngine, start } });
  describe(name, { timeout: 120_000 }, () => {
    after(close);
    for (const one of [...casesOf(world), ...collect(() => oddTests(world))]) {
      test(one.name, { skip: one.skip }, async () => {
        const { outcome, why } = await runCase(one, () => world.sandbox.reset());
        if (outcome === "failed") throw new Error(why);
      });
    }
  });
}
