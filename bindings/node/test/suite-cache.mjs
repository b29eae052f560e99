// One fetch for all, nobody held up by another key, and what ends a wait.
import { assert, deferred, describe, test } from "./harness.mjs";

export function cacheTests(world) {
  describe("cache", () => {
    test("200 callers of one missing token cause one request", async (t) => {
      const client = world.client(t);
      const request = { scope: world.sandbox.settings.scopes.plain };
      const tokens = await Promise.all(Array.from({ length: 200 }, () => client.source(request).token()));
      assert.equal(new Set(tokens.map((token) => token.accessToken)).size, 1);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("200 callers share one refusal, and it is remembered", async (t) => {
      const source = world.client(t).source({ scope: "sandbox:unregistered" });
      const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => source.token()));
      for (const { status, reason } of outcomes) {
        assert.equal(status, "rejected");
        assert.deepEqual([reason.code, reason.mpCode, reason.status, reason.oauthError], ["scope_not_registered", "MP-200", 400, "invalid_scope"]);
      }
      await assert.rejects(source.token(), { code: "scope_not_registered" });
      assert.equal((await world.sandbox.requests()).length, 1);
      const [{ reason }] = outcomes;
      assert.match(reason.traceId, /^[0-9a-f]{32}$/);
      assert.ok(reason.nextAttempt instanceof Date && reason.remedy && reason.attempts === 1 && !reason.retryable);
    });

    test("a cached read is not held up by another key's fetch", async (t) => {
      const { scopes } = world.sandbox.settings;
      const sent = deferred();
      let armed = false;
      const client = world.client(t, {
        fetch: (...request) => {
          if (armed) sent.resolve();
          return fetch(...request);
        },
      });
      const quick = client.source({ scope: scopes.plain });
      const first = await quick.token();
      await world.sandbox.faults([{ path: "/token", scope: scopes.other, latency_ms: 2000 }]);
      armed = true;
      const order = [];
      const slow = client.source({ scope: scopes.other }).token().then(() => order.push("slow"));
      await sent.promise;
      for (let i = 0; i < 100; i++) assert.equal(await quick.token(), first);
      order.push("100 cached reads");
      await slow;
      assert.deepEqual(order, ["100 cached reads", "slow"]);
    });

    test("equal requests share a token, different ones never do", async (t) => {
      const { scopes } = world.sandbox.settings;
      const client = world.client(t);
      const one = client.source({ scopes: [scopes.plain, scopes.other] });
      const same = client.source({ scopes: [scopes.other, scopes.plain, scopes.other] });
      const other = client.source({ scopes: [scopes.plain, scopes.other], resource: "https://api.example.no" });
      assert.equal(one.key, same.key);
      assert.notEqual(one.key, other.key);
      const token = await one.token();
      assert.equal(same.peek(), token.accessToken);
      assert.equal(await same.token(), token);
      assert.equal(other.peek(), undefined);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("a due token is handed out while its successor is fetched", async (t) => {
      const { scopes } = world.sandbox.settings;
      await world.sandbox.faults([{ path: "/token", times: 1, expires_in: 5 }]);
      const source = world.client(t).source({ scope: scopes.plain });
      const first = await source.token();
      const seen = new Set();
      while (seen.size < 2) {
        assert.ok(first.expiresAt > new Date(), "the first token is over and was not renewed");
        seen.add((await source.token()).accessToken);
        await world.sandbox.requests(); // a round trip, so that this does not spin
      }
      assert.ok(seen.has(first.accessToken));
      assert.equal((await world.sandbox.requests()).length, 2);
    });

    test("an abort ends the waiting only, and at once", async (t) => {
      const { scopes } = world.sandbox.settings;
      const asked = deferred();
      const answer = deferred();
      const client = world.client(t, {
        fetch: async (...request) => {
          asked.resolve();
          await answer.promise;
          return fetch(...request);
        },
      });
      const source = client.source({ scope: scopes.plain });
      const reason = new Error("changed my mind");
      const controller = new AbortController();
      const leader = source.token({ signal: controller.signal });
      const follower = source.token();
      await asked.promise;
      controller.abort(reason);
      await assert.rejects(leader, (error) => error === reason);
      answer.resolve();
      const token = await follower;
      assert.equal((await world.sandbox.requests()).length, 1);

      // Aborted before: a cached token is given all the same, and nothing is fetched.
      assert.equal(await source.token({ signal: AbortSignal.abort(reason) }), token);
      await assert.rejects(client.source({ scope: scopes.other }).token({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("all callers gone: the fetch goes on and serves the next one", async (t) => {
      const sent = deferred();
      const client = world.client(t, {
        fetch: (...request) => {
          sent.resolve();
          return fetch(...request);
        },
      });
      const source = client.source({ scope: world.sandbox.settings.scopes.plain });
      const controller = new AbortController();
      const lost = source.token({ signal: controller.signal });
      await sent.promise;
      controller.abort();
      await assert.rejects(lost, { name: "AbortError" });
      assert.ok((await source.token()).accessToken);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("twenty keys are fetched side by side, with one signal and without a warning", async (t) => {
      const warnings = [];
      const note = (warning) => warnings.push(warning.message);
      // Where there is no process there are no warnings to look for.
      globalThis.process?.on?.("warning", note);
      t.after(() => globalThis.process?.off?.("warning", note));
      const client = world.client(t);
      const { signal } = new AbortController();
      const tokens = await Promise.all(world.sandbox.settings.scopes.many.map((scope) => client.source({ scope }).token({ signal })));
      assert.equal(new Set(tokens.map((token) => token.scope)).size, 20);
      assert.equal((await world.sandbox.requests()).length, 20);
      assert.deepEqual(warnings, []);
    });

    test("close frees everybody who waits, even for a fetch that never ends", async () => {
      const asked = deferred();
      const client = new world.Client(
        world.sandbox.config({
          fetch: () => {
            asked.resolve();
            return new Promise(() => {});
          },
        }),
      );
      const source = client.source({ scope: world.sandbox.settings.scopes.plain });
      const waiting = [source.token(), source.token()];
      await asked.promise;
      client.close();
      for (const outcome of await Promise.allSettled(waiting)) assert.equal(outcome.reason?.code, "closed");
      client.close();
      source.close();
      source.close();
      assert.throws(() => source.peek(), { code: "closed", number: 1009 });
      assert.throws(() => client.source({ scope: "a:b" }), { code: "closed" });
      await assert.rejects(source.token(), { code: "closed" });
    });

    test("Symbol.dispose closes", { skip: !Symbol.dispose && "this runtime has none" }, async (t) => {
      const client = world.client(t);
      const source = client.source({ scope: "a:b" });
      source[Symbol.dispose]();
      assert.throws(() => source.peek(), { code: "closed" });
      client[Symbol.dispose]();
      assert.throws(() => client.source({ scope: "a:b" }), { code: "closed" });
    });
  });
}
