// source.fetch, which takes what fetch takes.
import { assert, describe, test } from "./harness.mjs";

export function callTests(world) {
  describe("source.fetch", () => {
    const plain = () => world.sandbox.settings.scopes.plain;

    test("every kind of input, and what the caller gave stays", async (t) => {
      const seen = [];
      const client = world.client(t, {
        fetch: (input, init) => {
          if (String(input?.url ?? input).startsWith(world.sandbox.settings.token_endpoint)) return fetch(input, init);
          seen.push(new Request(input, init)); // what the platform makes of it
          return Promise.resolve(new Response("ok"));
        },
      });
      const source = client.source({ scope: plain() });
      const url = "https://api.example.no/things";
      const headers = { "X-Own": "1" };
      const calls = [
        [url], [url, null], [new URL(url)], [url, { method: "PUT", body: "b", headers }], [new Request(url, { headers })],
        [new Request(url, { method: "POST", body: "from the request", headers })], [new Request(url), { headers: new Headers(headers), method: "POST", body: new URLSearchParams({ a: "b" }) }],
        [url, { headers: Object.entries(headers), method: "POST", body: new Blob(["x"]).stream(), duplex: "half" }],
        [new Request(url, { headers: { gone: "1" } }), { headers }],
      ];
      for (const call of calls) assert.equal(await (await source.fetch(...call)).text(), "ok");
      const { header } = await source.token();
      for (const request of seen) assert.deepEqual([request.url, request.headers.get("authorization")], [url, header]);
      assert.deepEqual(seen.map(({ method }) => method), ["GET", "GET", "GET", "PUT", "GET", "POST", "POST", "POST", "GET"]);
      assert.deepEqual(seen.map((request) => request.headers.get("x-own")), [null, null, null, "1", "1", "1", "1", "1", "1"]);
      assert.equal(seen.at(-1).headers.get("gone"), null);
      assert.deepEqual(await Promise.all([3, 5, 6, 7].map((i) => seen[i].text())), ["b", "from the request", "a=b", "x"]);
    });

    test("a wrong input fails as fetch fails", async (t) => {
      const source = world.client(t).source({ scope: plain() });
      await source.token();
      await assert.rejects(source.fetch("http://["), TypeError);
      await assert.rejects(source.fetch(world.sandbox.settings.sample_api, { headers: { "bad name": "x" } }), TypeError);
    });

    test("its signal ends the waiting for a token, and the call", async (t) => {
      const { sample_api: api } = world.sandbox.settings;
      await world.sandbox.faults([{ path: "/token", latency_ms: 1000 }, { path: "/api/sample", kind: "hang" }]);
      const source = world.client(t).source({ scope: plain() });
      const reason = new Error("enough");
      const soon = () => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(reason), 50);
        return controller.signal;
      };
      for (const call of [[api, { signal: soon() }], [new Request(api, { signal: soon() })]]) {
        await assert.rejects(source.fetch(...call), { message: "enough" });
      }
      await source.token();
      await assert.rejects(source.fetch(api, { signal: soon() }), { message: "enough" });
      await assert.rejects(source.fetch(new Request(api, { signal: AbortSignal.abort(reason) }), { signal: soon() }), { message: "enough" });
      await assert.rejects(source.fetch(api, { signal: AbortSignal.abort(reason) }), { message: "enough" });
      await world.sandbox.faults([]);
      assert.equal((await source.fetch(new Request(api, { signal: AbortSignal.abort() }), { signal: null })).status, 200, "null takes the signal off");
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("no token: its error, and the API hears nothing", async (t) => {
      const source = world.client(t).source({ scope: "sandbox:unregistered" });
      await assert.rejects(source.fetch(world.sandbox.settings.sample_api), { code: "scope_not_registered" });
      assert.equal((await world.sandbox.requests("/api/sample")).length, 0);
    });
  });
}
