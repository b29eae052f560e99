// The main job, and the grant judged by a library nobody here wrote.
import { exportJWK, importJWK, importPKCS8, importX509, jwtVerify } from "jose";
import { assert, base64Bytes, describe, jwsPart, test } from "./harness.mjs";

/** A fetch that keeps the assertions it sends. */
export function catching() {
  const assertions = [];
  const caught = (url, init) => {
    const assertion = new URLSearchParams(init.body).get("assertion");
    if (assertion) assertions.push(assertion);
    return fetch(url, init);
  };
  return { assertions, fetch: caught };
}

/** The registered key, for the library that verifies. */
function publicKey({ keyJWK }, alg) {
  const { kty, n, e } = JSON.parse(keyJWK);
  return importJWK({ kty, n, e }, alg);
}

/** A signer of one's own that gives an ArrayBuffer. */
export function webSigner(pem, hash = "SHA-256") {
  const name = "RSASSA-PKCS1-v1_5";
  const der = base64Bytes(pem.replace(/-----[^-]+-----|\s/g, ""));
  return async (bytes) => crypto.subtle.sign(name, await crypto.subtle.importKey("pkcs8", der, { name, hash }, false, ["sign"]), bytes);
}

export function grantTests(world) {
  describe("grant", () => {
    test("the main job: token, Customs token, test-auth", async (t) => {
      const { settings } = world.sandbox;
      const client = world.client(t);
      const token = await client.source({ scope: settings.scopes.customs }).token();
      assert.equal(token.tokenType, "Bearer");
      assert.equal(token.scope, settings.scopes.customs);
      assert.equal(token.header, `Bearer ${token.accessToken}`);
      assert.ok(token.expiresAt > new Date());

      const customs = client.source({ scope: settings.scopes.customs, exchange: "customs" });
      const customsToken = await customs.token();
      assert.notEqual(customsToken.accessToken, token.accessToken);
      assert.equal(customs.peek(), customsToken.accessToken);
      assert.equal((await customs.fetch(settings.customs_test_auth)).status, 200);
      assert.equal((await world.sandbox.requests("/token")).length, 1, "the exchange takes the cached token");
      assert.equal(client.engine, world.name);
    });

    test("claims and header of a registered key, by jose", async (t) => {
      const { settings } = world.sandbox;
      const caught = catching();
      const client = world.client(t, { fetch: caught.fetch });
      await client.source({ scopes: [settings.scopes.other, settings.scopes.plain, settings.scopes.other], resource: "https://api.example.no" }).token();
      await client.source({ scope: settings.scopes.delegated, consumerOrg: settings.customer_organization }).token();
      const { org, external_ref: externalRef } = settings.system_user;
      await client.source({ scope: settings.scopes.system_user, systemUser: { org, externalRef } }).token();

      const key = await publicKey(world.sandbox, "RS256");
      const verified = await Promise.all(
        caught.assertions.map((assertion) => jwtVerify(assertion, key, { algorithms: ["RS256"], audience: settings.issuer, issuer: settings.client_id, maxTokenAge: 60 })),
      );
      assert.equal(new Set(verified.map(({ payload }) => payload.jti)).size, 3);
      const common = verified.map(({ payload: { aud, iss, iat, exp, jti, ...rest }, protectedHeader }) => {
        assert.deepEqual(protectedHeader, { alg: "RS256", kid: settings.kid });
        assert.equal(aud, settings.issuer);
        assert.equal(iss, settings.client_id);
        assert.ok(Number.isInteger(iat) && exp > iat && exp - iat <= 120);
        assert.ok(jti.length >= 22, "128 bits at least");
        return rest;
      });
      assert.deepEqual(common, [
        { scope: [settings.scopes.other, settings.scopes.plain].sort().join(" "), resource: "https://api.example.no" },
        { scope: settings.scopes.delegated, consumer_org: settings.customer_organization },
        {
          scope: settings.scopes.system_user,
          authorization_details: [{ type: "urn:altinn:systemuser", systemuser_org: { authority: "iso6523-actorid-upis", ID: `0192:${org}` }, externalRef }],
        },
      ]);
    });

    for (const alg of ["RS384", "RS512"]) {
      test(`${alg} is signed as it says`, async (t) => {
        const { settings, keyPEM } = world.sandbox;
        const caught = catching();
        const client = world.client(t, { fetch: caught.fetch, key: { pem: keyPEM, kid: settings.kid, alg } });
        await client.source({ scope: settings.scopes.plain }).token().catch(() => {}); // the key may be registered for one alg only
        const { protectedHeader } = await jwtVerify(caught.assertions[0], await publicKey(world.sandbox, alg));
        assert.equal(protectedHeader.alg, alg);
      });
    }

    test("a virksomhetssertifikat from PKCS#12 and from PEM sends its whole chain", async (t) => {
      const { settings, files } = world.sandbox;
      const password = settings.certificate_password;
      const forms = [{ pkcs12: base64Bytes(files.certificateP12), password }, { pkcs12: files.certificateP12, password }, { pem: files.certificatePEM }];
      for (const key of forms) {
        const caught = catching();
        const client = world.client(t, { clientId: settings.certificate_client_id, key, fetch: caught.fetch });
        assert.ok((await client.source({ scope: settings.scopes.plain }).token()).accessToken);
        const { alg, x5c, ...rest } = jwsPart(caught.assertions[0], 0);
        assert.deepEqual({ alg, rest, chain: x5c.length }, { alg: "RS256", rest: {}, chain: 3 });
        const leaf = await importX509(`-----BEGIN CERTIFICATE-----\n${x5c[0]}\n-----END CERTIFICATE-----`, alg);
        await jwtVerify(caught.assertions[0], leaf, { audience: settings.issuer });
      }
    });

    test("a JWK as object and as text", async (t) => {
      const { settings, keyJWK } = world.sandbox;
      for (const jwk of [JSON.parse(keyJWK), keyJWK]) {
        const client = world.client(t, { key: { jwk } });
        assert.ok((await client.source({ scope: settings.scopes.plain }).token()).accessToken);
      }
    });

    test("a signer of one's own signs, sync and async", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const signers = [webSigner(keyPEM)];
      // Only Node's crypto signs at once; elsewhere no signer of real keys can be sync.
      if (world.node) signers.push((bytes) => world.node.crypto.createSign("RSA-SHA256").update(bytes).sign(keyPEM));
      for (const own of signers) {
        const client = world.client(t, { key: undefined, signer: { kid: settings.kid, sign: own } });
        assert.ok((await client.source({ scope: settings.scopes.plain }).token()).accessToken);
      }
    });

    test("a generated key has the shape that Maskinporten registers", async () => {
      const { kid, publicJwk, privateJwk, pem } = world.generateKey({ alg: "RS384" });
      assert.deepEqual(Object.keys(publicJwk).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
      assert.deepEqual([publicJwk.kty, publicJwk.use, publicJwk.alg, publicJwk.kid], ["RSA", "sig", "RS384", kid]);
      const fromPEM = await exportJWK(await importPKCS8(pem, "RS384", { extractable: true }));
      assert.equal(fromPEM.n, publicJwk.n);
      assert.equal((await exportJWK(await importJWK(publicJwk))).n, privateJwk.n);
    });
  });
}
