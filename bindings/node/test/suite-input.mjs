// Bad input: one clear error before anything is sent, and never a crash.
import { assert, describe, test } from "./harness.mjs";

export function inputTests(world) {
  describe("input", () => {
    /** The error of making a client and a source with these changes. */
    async function refused(t, config, request) {
      try {
        const client = world.client(t, config);
        client.source({ scope: "sandbox:plain", ...request });
      } catch (error) {
        assert.equal(error.name, "MaskinportenError", error.stack);
        assert.ok(error.remedy.length > 10, error.message);
        assert.ok(error.message.includes(error.remedy), "the text says what to do");
        assert.equal((await world.sandbox.requests()).length, 0);
        return error;
      }
      assert.fail("nothing was refused");
    }

    const { keys } = world;
    const environment = (more) => ({ environment: { ...world.sandbox.environment, ...more } });
    const cases = [
      ["no key", () => ({ key: undefined }), undefined, "invalid_configuration", /key/],
      ["a public key as private", () => ({ key: { kid: "k", pem: keys.public } }), undefined, "invalid_key", /public/],
      ["a 1024-bit key", () => ({ key: { kid: "k", pem: keys.small } }), undefined, "invalid_key", /1024/],
      ["an EC key", () => ({ key: { kid: "k", pem: keys.elliptic } }), undefined, "invalid_key", /RSA/],
      ["an encrypted PEM without password", () => ({ key: { kid: "k", pem: keys.encrypted } }), undefined, "invalid_key", /password|encrypted/],
      ["an encrypted PEM with a wrong password", () => ({ key: { kid: "k", password: "y", pem: keys.encrypted } }), undefined, "invalid_key", /password/],
      ["a key without kid or chain", () => ({ key: { pem: keys.good } }), undefined, "invalid_key", /kid/],
      ["a key in two forms", () => ({ key: { kid: "k", pem: keys.good, jwk: {} } }), undefined, "invalid_key", /one of/],
      ["key and signer", () => ({ signer: { kid: "k", sign() {} } }), undefined, "invalid_configuration", /both/],
      ["a signer that cannot sign", () => ({ key: undefined, signer: { kid: "k" } }), undefined, "invalid_configuration", /sign/],
      ["a JWK that is no JSON", () => ({ key: { jwk: "{'d': 'secret'}" } }), undefined, "invalid_configuration", /JSON/],
      ["no client id", () => ({ clientId: undefined }), undefined, "invalid_configuration", /client_id/],
      ["an unknown option", () => ({ colour: "blue" }), undefined, "invalid_configuration", /colour/],
      ["no environment", () => ({ environment: undefined }), undefined, "invalid_configuration", /environment/],
      ["ver2", () => ({ environment: "ver2" }), undefined, "invalid_configuration", /ver2/],
      ["the issuer of ver2", () => environment({ issuer: "https://ver2.maskinporten.no/" }), undefined, "invalid_configuration", /ver2/],
      ["an issuer without its slash", () => environment({ issuer: "https://test.maskinporten.no" }), undefined, "invalid_configuration", /slash/],
      ["http without leave", () => environment({ allowLoopbackHttp: undefined }), undefined, "invalid_configuration", /not encrypted/],
      ["no scope", undefined, { scope: undefined }, "invalid_token_request", /scope/],
      ["a scope with a space", undefined, { scope: "sandbox:plain sandbox:other" }, "invalid_token_request", /space/],
      ["consumerOrg with a prefix", undefined, { consumerOrg: "0192:991825827" }, "invalid_token_request", /0192/],
      ["consumerOrg with a wrong check digit", undefined, { consumerOrg: "991825828" }, "invalid_token_request", /check digit|control digit|modulus/i],
      ["an unknown exchange", undefined, { exchange: "airport" }, "invalid_token_request", /airport/],
      ["an unknown member", undefined, JSON.parse('{"__proto__": {"x": 1}}'), "invalid_token_request", /__proto__/],
      ["NaN", () => ({ grantLifeSeconds: NaN }), undefined, "invalid_argument", /NaN/],
      ["a BigInt", () => ({ cacheLimit: 10n }), undefined, "invalid_argument", /cacheLimit: a bigint/],
      ["a symbol", undefined, { pid: Symbol("x") }, "invalid_argument", /pid/],
    ];
    for (const [name, config, request, code, message] of cases) {
      test(name, async (t) => {
        const error = await refused(t, config?.() ?? {}, request);
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret|MII/);
      });
    }

    test("everything that is wrong is told at once", async (t) => {
      const error = await refused(t, { clientId: "", grantLifeSeconds: 500, key: undefined, signer: { kid: "a b", sign() {} } });
      assert.ok(error.problems.length >= 3, error.message);
      for (const problem of error.problems) assert.ok(problem.field && problem.message && problem.remedy);
    });

    test("odd objects", async (t) => {
      for (const config of [undefined, null, 1, "x", [], () => {}]) {
        assert.throws(() => new world.Client(config), { name: "MaskinportenError", code: "invalid_argument" });
      }
      assert.throws(() => world.Client(world.sandbox.config()), TypeError);
      const mine = new Error("from a getter");
      assert.throws(() => new world.Client({ get clientId() { throw mine; } }), (error) => error === mine);
      const circle = {};
      circle.circle = circle;
      await refused(t, { environment: circle });
      assert.throws(() => world.client(t).source({ scope: "a:b" }).invalidate("text"), { code: "invalid_argument" });
      const client = world.client(t, Object.freeze({ clientId: world.sandbox.settings.client_id }));
      assert.equal(client.source(new Proxy({ scope: "sandbox:plain" }, {})).peek(), undefined);
    });

    test("diagnose says what is wrong without sending anything", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const good = world.diagnose(world.sandbox.config(), { scope: settings.scopes.plain, consumerOrg: settings.customer_organization });
      assert.ok(good.ok, JSON.stringify(good.findings));
      assert.deepEqual([good.environment.issuer, good.key.kid, good.key.keyBits, good.key.signs], [settings.issuer, settings.kid, 2048, true]);
      assert.deepEqual([good.claims.scope, good.claims.consumer_org, good.claims.aud], [settings.scopes.plain, settings.customer_organization, settings.issuer]);
      const bad = world.diagnose({ environment: "ver2", clientId: "", key: { pem: "nothing", kid: "k" } }, { scope: "a b" });
      assert.ok(!bad.ok && bad.findings.filter(({ severity }) => severity === "error").length >= 4, JSON.stringify(bad));
      for (const { field, message, remedy } of bad.findings) assert.ok(field && message && remedy);
      const signer = world.diagnose({ ...world.sandbox.config(), key: undefined, signer: { kid: "k", sign() {} } });
      assert.deepEqual([signer.key.kid, signer.key.signs], ["k", false]);
      assert.ok(!JSON.stringify([good, bad, signer]).includes(keyPEM.split("\n")[3]));
      assert.throws(() => world.diagnose(), { code: "invalid_argument" });
      assert.equal((await world.sandbox.requests()).length, 0);
    });

    test("readCertificate tells whose certificates these are", () => {
      const { certificates, problems } = world.readCertificate(world.sandbox.files.certificatePEM);
      assert.equal(certificates.length, 3);
      assert.deepEqual(problems, []);
      const [leaf] = certificates;
      assert.equal(leaf.organizationNumber, world.sandbox.settings.organization);
      assert.ok(leaf.notBefore < new Date() && leaf.notAfter > new Date() && leaf.keyBits >= 2048);
      assert.match(leaf.sha256, /^[0-9a-f]{64}$/);
      assert.throws(() => world.readCertificate("no certificate"), { code: "invalid_key" });
      assert.throws(() => world.readCertificate(), { name: "MaskinportenError" });
    });

    test("fromEnv reads the NAIS variables", async () => {
      const { settings, keyJWK } = world.sandbox;
      const variables = {
        MASKINPORTEN_CLIENT_ID: settings.client_id,
        MASKINPORTEN_CLIENT_JWK: keyJWK,
        MASKINPORTEN_ISSUER: settings.issuer,
        MASKINPORTEN_TOKEN_ENDPOINT: settings.token_endpoint,
        MASKINPORTEN_WELL_KNOWN_URL: settings.metadata_url,
        MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT: settings.customs_token_endpoint,
        MASKINPORTEN_ALLOW_LOOPBACK_HTTP: "true",
      };
      const client = world.Client.fromEnv({}, variables);
      assert.ok((await client.source({ scope: settings.scopes.customs, exchange: "customs" }).token()).accessToken);
      client.close();
      assert.throws(
        () => world.Client.fromEnv({}, { ...variables, MASKINPORTEN_CLIENT_JWK: "", MASKINPORTEN_ISSUER: undefined }),
        { code: "invalid_configuration", message: /MASKINPORTEN_CLIENT_JWK, MASKINPORTEN_ISSUER/ },
      );
      assert.throws(() => world.Client.fromEnv({ environment: "test" }, { MASKINPORTEN_CLIENT_ID: "x", MASKINPORTEN_CLIENT_JWK: "{broken" }), { code: "invalid_configuration", message: /JSON/ });
    });
  });
}
