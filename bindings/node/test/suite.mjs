// What every engine must do. One file per engine runs all of it.
import { after, before, beforeEach, describe } from "node:test";
import { startSandbox } from "./sandbox.mjs";
import { cacheTests } from "./suite-cache.mjs";
import { faultTests } from "./suite-faults.mjs";
import { grantTests } from "./suite-grant.mjs";
import { inputTests } from "./suite-input.mjs";

export function suite(name, entry) {
  describe(name, { timeout: 120_000 }, async () => {
    const world = { name, ...(await import(entry)) };
    before(async () => {
      world.sandbox = await startSandbox();
    });
    after(() => world.sandbox.close());
    beforeEach(() => world.sandbox.reset());

    /** A client that is closed when its test ends. */
    world.client = (t, more) => {
      const client = new world.Client(world.sandbox.config(more));
      t.after(() => client.close());
      return client;
    };
    for (const tests of [grantTests, cacheTests, faultTests, inputTests]) tests(world);
  });
}

/** A promise and the functions that settle it. */
export function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
