// What goes wrong on the way: the network, the server, the signer, the API.
import { assert, describe, test } from "./harness.mjs";

export function faultTests(world) {
  describe("faults", () => {
    const plain = () => world.sandbox.settings.scopes.plain;

    test("a lost answer is asked for again with a new grant", async (t) => {
      for (const kind of ["close", "reset", "truncated"]) {
        await world.sandbox.reset();
        await world.sandbox.faults([{ path: "/token", times: 1, kind }]);
        assert.ok((await world.client(t).source({ scope: plain() }).token()).accessToken, kind);
        const requests = await world.sandbox.requests();
        assert.equal(requests.at(-1).status, 200, kind);
        const seen = requests.map(({ jti }) => jti).filter(Boolean);
        assert.equal(new Set(seen).size, seen.length, `${kind}: no jti twice`);
      }
    });

    for (const [kind, code] of [["redirect", "redirected"], ["huge", "response_too_large"], ["html", "invalid_response"], ["empty", "invalid_response"]]) {
      test(`an answer that is ${kind}: ${code}`, async (t) => {
        await world.sandbox.faults([{ path: "/token", kind }]);
        await assert.rejects(world.client(t).source({ scope: plain() }).token(), { name: "MaskinportenError", code });
        assert.equal((await world.sandbox.requests("/redirected")).length, 0);
      });
    }

    test("a fetch that fails: connection_failed, with its error as the cause", async (t) => {
      const refused = new TypeError("fetch failed");
      let calls = 0;
      const client = world.client(t, {
        fetch: () => {
          calls++;
          throw refused;
        },
      });
      const error = await client.source({ scope: plain() }).token().catch((caught) => caught);
      assert.deepEqual([error.code, error.kind, error.retryable, error.attempts], ["connection_failed", "transport", true, calls]);
      assert.equal(error.cause, refused);
      assert.ok(calls > 1);
    });

    test("the name of a TLS failure is understood", async (t) => {
      const cause = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
      const client = world.client(t, { fetch: () => Promise.reject(new TypeError("fetch failed", { cause })) });
      await assert.rejects(client.source({ scope: plain() }).token(), { code: "tls_failed", attempts: 1 });
    });

    test("what a signer throws is the cause, and nothing is sent", async (t) => {
      const broken = new Error("the HSM is asleep");
      const { kid } = world.sandbox.settings;
      const signers = [
        [() => { throw broken; }, "signing_failed", (error) => error.cause === broken],
        [() => Promise.reject(broken), "signing_failed", (error) => error.cause === broken],
        [() => "c2lnbmF0dXJl", "signing_failed", (error) => error.cause instanceof TypeError],
        [() => undefined, "signing_failed", (error) => error.cause instanceof TypeError],
        [() => new Uint8Array(0), "invalid_signature", () => true],
        [() => new Uint8Array(255), "invalid_signature", () => true],
      ];
      for (const [sign, code, fits] of signers) {
        const client = world.client(t, { key: undefined, signer: { kid, signatureSize: 256, sign } });
        const error = await client.source({ scope: plain() }).token().catch((caught) => caught);
        assert.equal(error.code, code);
        assert.ok(fits(error), world.inspect(error));
      }
      assert.equal((await world.sandbox.requests()).length, 0);
    });

    test("a signer that says its failure is passing is asked once more", async (t) => {
      let calls = 0;
      const sign = () => {
        calls++;
        throw Object.assign(new Error("busy"), { retryable: true });
      };
      const client = world.client(t, { key: undefined, signer: { kid: "k", sign } });
      await assert.rejects(client.source({ scope: plain() }).token(), { code: "signing_failed" });
      assert.equal(calls, 2);
    });

    test("source.fetch adds the token and keeps what the caller gave", async (t) => {
      const seen = [];
      const client = world.client(t, {
        fetch: (input, init) => {
          if (String(input).startsWith("https://api.example.no")) {
            seen.push([init.method, init.body, Object.fromEntries(init.headers)]);
            return Promise.resolve(new Response("ok"));
          }
          return fetch(input, init);
        },
      });
      const source = client.source({ scope: plain() });
      const answer = await source.fetch("https://api.example.no/things", { method: "POST", body: "{}", headers: { "content-type": "application/json", authorization: "x" } });
      assert.equal(await answer.text(), "ok");
      assert.deepEqual(seen, [["POST", "{}", { "content-type": "application/json", authorization: `Bearer ${source.peek()}` }]]);
    });

    test("source.fetch renews once after a 401", async (t) => {
      await world.sandbox.faults([{ path: "/api/sample", times: 1, status: 401 }]);
      const source = world.client(t).source({ scope: plain() });
      const answer = await source.fetch(new Request(world.sandbox.settings.sample_api));
      assert.equal(answer.status, 200);
      assert.equal((await answer.json()).scope, plain());
      assert.deepEqual((await world.sandbox.requests("/api/sample")).map(({ status }) => status), [401, 200]);
      assert.equal((await world.sandbox.requests()).length, 2);
    });

    test("source.fetch gives a lasting 401 to the caller, after one renewal", async (t) => {
      await world.sandbox.faults([{ path: "/api/sample", status: 401 }]);
      const source = world.client(t).source({ scope: plain() });
      for (let call = 0; call < 2; call++) assert.equal((await source.fetch(world.sandbox.settings.sample_api)).status, 401);
      assert.equal((await world.sandbox.requests()).length, 2, "a second renewal within five seconds is refused");
    });

    const noStreams = world.isBrowser && "Chromium sends a stream by HTTP/2 only, and so never without TLS";
    const spent = [
      ["a stream", { skip: noStreams }, (source, url) => source.fetch(url, { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" })],
      ["a Request", {}, (source, url) => source.fetch(new Request(url, { method: "POST", body: "x" }))],
    ];
    for (const [body, options, call] of spent) {
      test(`source.fetch does not repeat a body that is spent: ${body}`, options, async (t) => {
        await world.sandbox.faults([{ path: "/api/sample", times: 1, status: 401 }]);
        const source = world.client(t).source({ scope: plain() });
        assert.equal((await call(source, world.sandbox.settings.sample_api)).status, 401);
        assert.equal((await world.sandbox.requests("/api/sample")).length, 1);
        assert.equal(source.peek(), undefined, "the token is dropped all the same");
      });
    }

    test("nothing that prints shows a secret", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const client = world.client(t);
      const source = client.source({ scope: plain() });
      const token = await source.token();
      const refusal = await client.source({ scope: "sandbox:unregistered" }).token().catch((error) => error);
      const failure = await world.client(t, { fetch: (_url, init) => Promise.reject(new Error(init.body)) }).source({ scope: plain() }).token().catch((error) => error);
      const shown = [client, source, token, refusal, failure.message, { ...failure, cause: undefined }]
        .flatMap((value) => [String(value), JSON.stringify(value), world.inspect(value, { showHidden: true, depth: 20, getters: false }), `${Object.values(value)}`])
        .join("\n");
      for (const secret of [token.accessToken, token.accessToken.split(".")[2], keyPEM.split("\n")[3], JSON.parse(world.sandbox.keyJWK).d, "assertion=ey"]) {
        assert.ok(!shown.includes(secret), shown);
      }
      assert.match(shown, /\[redacted\]/);
      assert.match(world.inspect(client), new RegExp(settings.client_id));
      assert.throws(() => { "use strict"; token.accessToken = "x"; }, TypeError);
    });
  });
}
