// The suite in Node's own test runner. One file per engine runs all of it.
import * as crypto from "node:crypto";
import { after, describe, test } from "node:test";
import { inspect } from "node:util";
import { startFixtures } from "./fixtures.mjs";
import { runCase } from "./harness.mjs";
import { casesOf } from "./suite.mjs";
import { makeWorld } from "./world.mjs";

export async function suite(name, entry) {
  const { fixtures, close } = await startFixtures();
  const world = makeWorld(name, await import(entry), fixtures, { inspect, node: { crypto } });
  describe(name, { timeout: 120_000 }, () => {
    after(close);
    for (const one of casesOf(world)) {
      test(one.name, { skip: one.skip }, async () => {
        const { outcome, why } = await runCase(one, () => world.sandbox.reset());
        if (outcome === "failed") throw new Error(why);
      });
    }
  });
}
