// Hosts that answer never, twice or too late (faults F85, F87, F89), and crowds.
import { assert, deferred, describe, test } from "./harness.mjs";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The rejections that nobody handles, where the runtime tells of them. */
function unhandled(t) {
  const rejections = [];
  const note = (reason) => rejections.push(reason);
  globalThis.process?.on?.("unhandledRejection", note);
  t.after(() => globalThis.process?.off?.("unhandledRejection", note));
  return rejections;
}

export function endTests(world) {
  describe("ends", () => {
    const plain = () => world.sandbox.settings.scopes.plain;

    test("F85: a fetch that rejects is tried again, and one that never settles is given up in time", async (t) => {
      let calls = 0;
      const client = world.client(t, {
        fetch: (...request) => {
          calls++;
          if (calls === 1) return Promise.reject(new TypeError("fetch failed"));
          if (calls === 2) return new Promise(() => {});
          return fetch(...request);
        },
      });
      const { accessToken } = await client.source({ scope: plain() }).token(); // eight seconds belong to the second one
      assert.ok(accessToken);
      assert.equal(calls, 3);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("F85: a fetch that settles twice, or after the close", async (t) => {
      const twice = world.client(t, {
        fetch: (...request) => ({
          then(resolve, reject) {
            fetch(...request).then((answer) => {
              resolve(answer);
              resolve(new Response("{}"));
              reject(new Error("twice"));
            }, reject);
          },
        }),
      });
      assert.ok((await twice.source({ scope: plain() }).token()).accessToken);
      const asked = deferred();
      const late = deferred();
      const client = new world.Client(world.sandbox.config({ fetch: () => (asked.resolve(), late.promise) }));
      const waiting = client.source({ scope: plain() }).token();
      await asked.promise;
      client.close();
      await assert.rejects(waiting, { code: "closed" });
      late.resolve(new Response('{"access_token":"late"}'));
      await turn();
    });

    test("F85: an answer whose body never ends, or breaks, or is no stream", async (t) => {
      const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) });
      const answers = [() => new Response(broken), () => new Response(null, { status: 200 }), () => ({ status: 200, headers: new Headers(), body: "text" }), () => undefined, () => 5];
      for (const answer of answers) {
        await assert.rejects(world.client(t, { fetch: async () => answer() }).source({ scope: plain() }).token(), { name: "MaskinportenError" });
      }
    });

    test("F89: an abort of one, or of all but one, touches nobody else and leaves no rejection behind", async (t) => {
      const rejections = unhandled(t);
      const asked = deferred();
      const answer = deferred();
      const client = world.client(t, { fetch: async (...request) => (asked.resolve(), await answer.promise, fetch(...request)) });
      const source = client.source({ scope: plain() });
      const controllers = Array.from({ length: 20 }, () => new AbortController());
      const waiting = controllers.map(({ signal }) => source.token({ signal }));
      const ended = [];
      waiting.forEach((wait, i) => wait.then(() => ended.push([i, "token"]), (reason) => ended.push([i, reason])));
      await asked.promise;
      for (const [i, controller] of controllers.entries()) if (i !== 7) controller.abort(i);
      await turn(); // within one turn
      assert.deepEqual(ended, [...controllers.keys()].filter((i) => i !== 7).map((i) => [i, i]));
      answer.resolve();
      await waiting[7];
      assert.equal((await world.sandbox.requests()).length, 1);
      await turn();
      assert.deepEqual(rejections, []);
    });

    test("F89: a failure that nobody waits for is no unhandled rejection", async (t) => {
      const rejections = unhandled(t);
      const asked = deferred();
      const client = world.client(t, { fetch: () => (asked.resolve(), Promise.reject(new TypeError("fetch failed"))) });
      const controller = new AbortController();
      const wait = client.source({ scope: plain() }).token({ signal: controller.signal });
      await asked.promise;
      controller.abort();
      await assert.rejects(wait, { name: "AbortError" });
      client.close();
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(rejections, []);
    });

    const crowd = world.sharesPromises ? 10_000 : 1000; // Workers do not allow so many timers to a request
    test("10,000 callers of one missing token: one request, one result for all", async (t) => {
      const client = world.client(t);
      const source = client.source({ scope: plain() });
      const tokens = await Promise.all(Array.from({ length: crowd }, (_, i) => (i % 100 ? source : client.source({ scope: plain() })).token()));
      assert.equal(new Set(tokens.map((token) => token.accessToken)).size, 1);
      const missing = client.source({ scope: "sandbox:unregistered" });
      const outcomes = await Promise.allSettled(Array.from({ length: crowd }, () => missing.token()));
      assert.ok(outcomes.every(({ reason }) => reason?.code === "scope_not_registered"));
      assert.equal((await world.sandbox.requests()).length, 2);
    });
  });
}
