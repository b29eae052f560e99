// The example of a Worker, in two isolates that share a KV namespace.
import { assert, collect, describe, runCase, test } from "../harness.mjs";
import { makeWorld } from "../world.mjs";

const why = "it is an example for Workers";

/**
 * @param {(bindings: string) => Promise<{urls: Record<string, string>, close: () => Promise<void>}>} start
 * @param {object} fixtures
 * @param {(result: object) => unknown} tell
 */
export async function exampleCases(start, fixtures, tell) {
  const { sandbox } = makeWorld("", {}, fixtures);
  const { settings } = sandbox;
  const variables = {
    MASKINPORTEN_ISSUER: settings.issuer,
    MASKINPORTEN_TOKEN_ENDPOINT: settings.token_endpoint,
    MASKINPORTEN_ALLOW_LOOPBACK_HTTP: "true",
    MASKINPORTEN_CLIENT_ID: settings.client_id,
    MASKINPORTEN_CLIENT_JWK: sandbox.keyJWK,
    SCOPE: settings.scopes.plain,
    API_URL: settings.sample_api,
    STORE_KEY: btoa("thirty-two bytes for these tests"),
  };
  const text = (value) => JSON.stringify(value);
  const bindings = Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
  bindings.push('(name = "TOKENS", kvNamespace = "kv")');

  const statuses = (url, count) => Promise.all(Array.from({ length: count }, async () => (await fetch(url)).status));
  const cases = collect(() => {
    describe("Worker example", () => {
      test("50 concurrent requests to an isolate cause one for a token, and another isolate takes it from KV", async (t) => {
        const { urls, close } = await start(bindings.join(", "));
        t.after(close);
        assert.deepEqual(await statuses(urls.one, 50), Array(50).fill(200));
        assert.deepEqual(await statuses(urls.one, 20), Array(20).fill(200));
        assert.equal((await sandbox.requests()).length, 1);
        assert.deepEqual(await statuses(urls.two, 50), Array(50).fill(200));
        assert.equal((await sandbox.requests()).length, 1, "the second isolate asked again");
        const { PUT, entries } = await (await fetch(`${urls.kv}counts`)).json();
        assert.equal(PUT, 1);
        for (const [, value] of entries) assert.equal(atob(value.split(".")[0].replace(/-/g, "+").replace(/_/g, "/")), '{"alg":"dir","enc":"A256GCM"}');
      });

      test("a request that is given up during its fetch delays the others by 20 s at most", async (t) => {
        const { urls, close } = await start(bindings.join(", "));
        t.after(close);
        await sandbox.faults([{ path: "/token", times: 1, latency_ms: 5000 }]);
        const gone = new AbortController();
        const first = fetch(urls.one, { signal: gone.signal }).catch((error) => error.name);
        while ((await sandbox.requests()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
        gone.abort();
        assert.equal(await first, "AbortError");
        const begin = Date.now();
        assert.deepEqual(await statuses(urls.one, 5), Array(5).fill(200));
        assert.ok(Date.now() - begin < 25_000, `${Date.now() - begin} ms`);
        const seen = (await sandbox.requests()).map(({ jti }) => jti);
        assert.ok(seen.length <= 2 && new Set(seen).size === seen.length, seen.join());
      });
    });
  });
  for (const one of cases) await tell({ name: one.name, only: why, ...(await runCase(one, () => sandbox.reset())) });
}
