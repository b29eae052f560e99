// All that is run in a runtime, whatever it is: the suite on an entry point of
// the package, and the shared vectors on the engine below it.
import { runCase } from "../harness.mjs";
import { casesOf } from "../suite.mjs";
import { runFiles } from "../vectors.mjs";
import { makeWorld } from "../world.mjs";

/**
 * @param {object} what
 * @param {string} what.name what client.engine says
 * @param {object} what.entry the entry point, as imported
 * @param {() => object} what.engine makes the engine that the vectors run on
 * @param {Function} what.MaskinportenError the class that this engine throws
 * @param {object} what.input {fixtures, vectors, only}: made by run.mjs
 * @param {object} what.runtime see makeWorld
 * @param {(result: object) => unknown} tell gets each result: {name, outcome, why}
 */
export async function runEverything({ name, entry, engine, MaskinportenError, input, runtime }, tell) {
  const world = makeWorld(name, entry, input.fixtures, runtime);
  for (const one of casesOf(world)) {
    if (input.only && !one.name.includes(input.only)) continue;
    await tell({ name: one.name, ...(await runCase(one, () => world.sandbox.reset())) });
  }
  await runFiles(engine(), MaskinportenError, input.vectors, ({ subject, cases, wrong }) =>
    tell({ name: `vectors: ${subject}`, cases, outcome: wrong.length === 0 ? "passed" : "failed", why: wrong.join("\n") || undefined }),
  );
  await tell({ done: true });
}
