// Everything that a token can be asked for, and every exchange.
import { assert, base64Bytes, describe, jwsPart, test } from "./harness.mjs";
import { catching } from "./suite-grant.mjs";

const claimsOf = (assertion) => jwsPart(assertion, 1);

export function requestTests(world) {
  describe("requests", () => {
    test("a consent", async (t) => {
      const { scopes, consent } = world.sandbox.settings;
      const caught = catching();
      const client = world.client(t, { fetch: caught.fetch });
      assert.ok((await client.source({ scope: scopes.consent, consent }).token()).accessToken);
      const [details] = claimsOf(caught.assertions[0]).authorization_details;
      assert.equal(details.type, "urn:altinn:consent");
      assert.equal(details.id, consent.id);
      assert.equal(details.from, consent.from);
    });

    test("issOnbehalfof, and claims under names of one's own", async (t) => {
      const { scopes, customer_organization: customer } = world.sandbox.settings;
      const caught = catching();
      const client = world.client(t, { fetch: caught.fetch });
      await client.source({ scope: scopes.plain, issOnbehalfof: customer }).token().catch(() => {}); // the grant is what is looked at
      const extraClaims = { camelCase: { innerName: [1, "a", null, true] }, snake_case: new Date(0), own: "æøå" };
      await client.source({ scope: scopes.plain, extraClaims }).token().catch(() => {}); // the sandbox knows no such claims
      const [behalf, extra] = caught.assertions.map(claimsOf);
      assert.equal(behalf.iss_onbehalfof, customer);
      const { camelCase, snake_case, own } = extra;
      assert.deepEqual({ camelCase, snake_case, own }, { camelCase: { innerName: [1, "a", null, true] }, snake_case: "1970-01-01T00:00:00.000Z", own: "æøå" });
      assert.throws(() => client.source({ scope: scopes.plain, extraClaims: { iss: "x" } }), { code: "invalid_token_request", message: /iss/ });
      assert.throws(() => client.source({ scope: scopes.plain, extraClaims: { x: 1n } }), { code: "invalid_argument", message: /x: a bigint/ });
    });

    test("an eSeal without a registration", async (t) => {
      const { scopes, eseal } = world.sandbox.settings;
      const key = { pkcs12: base64Bytes(world.sandbox.files.sealP12), password: eseal.password };
      const client = world.client(t, { clientId: "bolag", key, eseal: true });
      assert.ok((await client.source({ scope: scopes.eseal }).token()).accessToken);
      assert.throws(() => world.client(t, { clientId: "bolag", eseal: true }), { code: "invalid_configuration", message: /eseal|chain|certificate/i });
    });

    test("Altinn's token, with and without the test organization", async (t) => {
      const { scopes, altinn_exchange: altinn } = world.sandbox.settings;
      const client = world.client(t);
      const request = { scope: scopes.plain, exchange: { type: "altinn", endpoint: altinn } };
      const plain = await client.source({ scope: scopes.plain }).token();
      const exchanged = await client.source(request).token();
      assert.notEqual(exchanged.accessToken, plain.accessToken);
      const test = client.source({ ...request, exchange: { ...request.exchange, test: true } });
      assert.notEqual(test.key, client.source(request).key);
      assert.equal(client.source({ ...request, exchange: { type: "altinn", environment: "tt02" } }).key.length, 64);
      assert.equal((await world.sandbox.requests()).length, 1, "both go out from one token");
      assert.throws(() => client.source({ ...request, exchange: "altinn" }), { code: "invalid_token_request", message: /environment/ });
    });

    test("a token exchange after RFC 8693, behind another one", async (t) => {
      const { scopes } = world.sandbox.settings;
      const issued = "urn:ietf:params:oauth:token-type:access_token";
      const url = "https://sts.example.no/token";
      const calls = [];
      const answer = { access_token: "exchanged", issued_token_type: issued, token_type: "Bearer", expires_in: 60 };
      const client = world.client(t, {
        fetch: (input, init) => {
          if (input !== url) return fetch(input, init);
          calls.push(Object.fromEntries(new URLSearchParams(init.body)));
          return Response.json(answer);
        },
      });
      const customs = client.source({ scope: scopes.customs, exchange: "customs" });
      const exchange = { type: "token_exchange", name: "ours", tokenEndpoint: url, audience: ["a"], resource: ["urn:r"], scopes: ["x:y", "z"], subjectTokenType: issued, requestedTokenType: issued };
      const both = client.source({ scope: scopes.customs, exchange: ["customs", exchange] });
      assert.equal((await both.token()).accessToken, "exchanged");
      assert.deepEqual(calls, [
        {
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          subject_token: (await customs.token()).accessToken,
          ...{ subject_token_type: issued, requested_token_type: issued, audience: "a", resource: "urn:r", scope: "x:y z" },
        },
      ]);
      assert.equal((await world.sandbox.requests()).length, 1);
    });

    test("waitWhileFailing waits for the next attempt, as long as the signal lets it", async (t) => {
      const { scopes } = world.sandbox.settings;
      await world.sandbox.faults([{ path: "/token", times: 3, status: 500 }]);
      const source = world.client(t, { waitWhileFailing: true }).source({ scope: scopes.plain });
      await assert.rejects(source.token(), { code: "server_error" }, "nobody says how long this one may wait");
      await assert.rejects(source.token({ signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
      assert.ok((await source.token({ signal: AbortSignal.timeout(15_000) })).accessToken);
      assert.deepEqual((await world.sandbox.requests()).map(({ status }) => status), [500, 500, 500, 200]);
    });
  });
}
