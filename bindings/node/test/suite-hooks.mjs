// A store that several processes share, and the observer of events.
import { assert, deferred, describe, test } from "./harness.mjs";

/** A store in memory, as Cloudflare KV is one; changes replace its functions. */
function memoryStore(changes) {
  const entries = new Map();
  const store = {
    get: async (key) => entries.get(key)?.entry ?? null,
    put: async (key, entry, options) => void entries.set(key, { entry, options }),
    ...changes,
  };
  return { entries, store };
}

export function hookTests(world) {
  describe("hooks", () => {
    const plain = () => world.sandbox.settings.scopes.plain;
    const storeKey = crypto.getRandomValues(new Uint8Array(32));
    /** A client on that store, as another process would have it, and the kinds of its events. */
    function sharing(t, store, more) {
      const events = [];
      return { events, source: world.client(t, { store, storeKey, onEvent: ({ event, error }) => events.push([event, error]), ...more }).source({ scope: plain() }) };
    }
    const failures = (events) => events.filter(([event]) => event === "store_failed").map(([, error]) => error);

    test("clients that share a store share a token", async (t) => {
      const { entries, store } = memoryStore();
      const first = await sharing(t, store).source.token();
      const { source, events } = sharing(t, store, { storeKey: btoa(String.fromCharCode(...storeKey)) });
      assert.equal((await source.token()).accessToken, first.accessToken);
      assert.equal((await world.sandbox.requests()).length, 1);
      assert.deepEqual(failures(events), []);
      const [[key, { entry, options }]] = entries;
      assert.equal(key, `maskinporten:1:${source.key}`);
      assert.equal(typeof entry, "string");
      assert.ok(!entry.includes(first.accessToken.slice(0, 20)), "encrypted");
      assert.ok(Number.isInteger(options.expirationTtl) && options.expirationTtl >= 60, "what Cloudflare KV takes");
    });

    test("a store may be synchronous, and give bytes, undefined, or those of a pool", async (t) => {
      const { entries, store } = memoryStore();
      await sharing(t, store).source.token();
      const sync = { get: (key) => new TextEncoder().encode(`  ${entries.get(key).entry}`).subarray(2), put() {} };
      await sharing(t, sync).source.token();
      assert.equal((await world.sandbox.requests()).length, 1);
      await sharing(t, { get() {}, put() {} }).source.token();
      assert.equal((await world.sandbox.requests()).length, 2);
    });

    test("a store that fails, lies or talks nonsense costs a request, and an event tells", async (t) => {
      const { entries, store } = memoryStore();
      await sharing(t, store).source.token();
      const fail = () => { throw new Error("connection refused"); };
      const stores = [
        { get: fail }, { put: fail }, { get: () => Promise.reject(new Error("no")) },
        { get: () => 7 }, { get: () => "e30.x" }, { get: () => { throw undefined; } },
        { get: async (key) => entries.get(key).entry.slice(0, -2) },
      ];
      for (const [count, changes] of stores.entries()) {
        const asked = changes.put ? { get: () => null, ...changes } : { ...store, ...changes };
        const { source, events } = sharing(t, { put() {}, ...asked });
        assert.ok((await source.token()).accessToken);
        assert.equal((await world.sandbox.requests()).length, count + 2);
        await new Promise((resolve) => setTimeout(resolve, 0)); // until the store is done
        assert.equal(failures(events).length, 1, JSON.stringify(events));
      }
    });

    test("nobody waits for a store to put", async (t) => {
      const putting = deferred();
      const done = deferred();
      const { source } = sharing(t, { get: () => null, put: async () => (putting.resolve(), await done.promise) });
      const token = await source.token();
      await putting.promise;
      assert.equal(await source.token(), token);
      done.resolve();
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("a store that hangs is waited for two seconds, and never after close", async (t) => {
      const { source, events } = sharing(t, { get: () => new Promise(() => {}), put() {} });
      assert.ok((await source.token()).accessToken);
      assert.equal(failures(events)[0].code, "timeout");
      const asked = deferred();
      const client = new world.Client(world.sandbox.config({ storeKey, store: { put() {}, get: () => (asked.resolve(), new Promise(() => {})) } }));
      const waiting = client.source({ scope: plain() }).token();
      await asked.promise;
      client.close();
      await assert.rejects(waiting, { code: "closed" });
    });

    test("store and storeKey are wrong in every way", (t) => {
      const store = { get() {}, put() {} };
      const cases = [
        [{ store }, /storeKey is missing/],
        [{ storeKey }, /store takes an object/],
        [{ store: null, storeKey }, /store takes an object/],
        [{ store: { get() {} }, storeKey }, /put/],
        [{ store, storeKey: new Uint8Array(31) }, /store_key.*31/],
        [{ store, storeKey: "not base64!" }, /store_key/],
        [{ store, storeKey: 5 }, /store_key/],
      ];
      for (const [config, message] of cases) assert.throws(() => world.client(t, config), { name: "MaskinportenError", message });
    });

    test("events tell the whole story, without a secret", async (t) => {
      const events = [];
      await world.sandbox.faults([{ path: "/token", times: 1, status: 503 }]);
      const source = world.client(t, { onEvent: (event) => events.push(event) }).source({ scope: plain() });
      const token = await source.token();
      assert.deepEqual(events.map(({ event }) => event), ["acquisition_started", "attempt", "retry", "attempt", "acquisition_ended"]);
      const [started, failed, retry, , ended] = events;
      assert.equal(new Set(events.map(({ requestId }) => requestId)).size, 1);
      assert.deepEqual([started.source, started.scopes, started.kid], [source.key, [plain()], `kid:${world.sandbox.settings.kid}`]);
      assert.ok(started.time instanceof Date && Math.abs(started.time - Date.now()) < 60_000);
      assert.deepEqual([failed.status, failed.attempt, failed.error.name, failed.error.code], [503, 1, "MaskinportenError", "server_error"]);
      assert.ok(retry.waitMs >= 0 && ended.durationMs >= retry.waitMs);
      assert.ok(Math.abs(ended.until - token.expiresAt) < 1000);
      const [used] = (await world.sandbox.requests()).slice(-1);
      assert.equal(events[3].jti, used.jti);
      assert.ok(!JSON.stringify(events).includes(token.accessToken.split(".")[2]));
    });

    test("an observer may use the client, rotate its keys and close it", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const seen = new Set();
      const client = world.client(t, {
        onEvent: ({ event }) => {
          client.status();
          if (event === "attempt" && !seen.has(event)) client.rotate({ key: { pem: keyPEM, kid: settings.kid } });
          if (event === "acquisition_ended" && seen.has("keys_rotated")) client.close();
          seen.add(event);
        },
      });
      const outcome = await client.source({ scope: plain() }).token().catch((error) => error);
      assert.ok(outcome.accessToken || outcome.code === "closed", String(outcome));
      assert.ok(seen.has("keys_rotated"));
    });

    test("hooks that are no functions", (t) => {
      for (const config of [{ onEvent: "x" }, { fetch: {} }, { onEvent: null }]) assert.throws(() => world.client(t, config), { code: "invalid_configuration", message: /is not a function/ });
    });
  });
}
