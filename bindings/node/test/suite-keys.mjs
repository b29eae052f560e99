// Keys in every form, and keys that change.
import { assert, base64Bytes, deferred, describe, jwsPart, test } from "./harness.mjs";
import { catching, webSigner } from "./suite-grant.mjs";

const { subtle } = globalThis.crypto;
const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const headerOf = (assertion) => jwsPart(assertion, 0);

/** A private key in WebCrypto that nobody can read out of it. */
function cryptoKeyOf(pem, algorithm = rsa) {
  const [, base64] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END/.exec(pem);
  return subtle.importKey("pkcs8", base64Bytes(base64.replace(/\s/g, "")), algorithm, false, ["sign"]);
}

export function keyTests(world) {
  describe("keys", () => {
    const plain = () => world.sandbox.settings.scopes.plain;
    const certificate = () => {
      const { certificate_client_id: clientId } = world.sandbox.settings;
      const pem = world.sandbox.files.certificatePEM;
      const x5c = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^]*?)-----END/g)].map(([, base64]) => base64.replace(/\s/g, ""));
      return { clientId, pem, x5c };
    };
    /** Replaces what is registered, until the test ends. */
    async function register(t, publicJwks) {
      const path = `clients/${world.sandbox.settings.client_id}`;
      const before = await world.sandbox.control("GET", path);
      t.after(() => world.sandbox.control("PUT", `${path}/keys`, { keys: before.keys }));
      await world.sandbox.control("PUT", `${path}/keys`, { keys: publicJwks(before.keys) });
    }

    test("a CryptoKey that is not extractable, with kid and with x5c", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const cryptoKey = await cryptoKeyOf(keyPEM);
      assert.ok((await world.client(t, { key: { cryptoKey, kid: settings.kid } }).source({ scope: plain() }).token()).accessToken);
      const { clientId, pem, x5c } = certificate();
      const caught = catching();
      const client = world.client(t, { clientId, key: { cryptoKey: await cryptoKeyOf(pem), x5c }, fetch: caught.fetch });
      assert.ok((await client.source({ scope: plain() }).token()).accessToken);
      assert.deepEqual(headerOf(caught.assertions[0]), { alg: "RS256", x5c });
    });

    test("the alg of a CryptoKey is that of its hash", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const caught = catching();
      const cryptoKey = await cryptoKeyOf(keyPEM, { ...rsa, hash: "SHA-512" });
      await world.client(t, { key: { cryptoKey, kid: settings.kid }, fetch: caught.fetch }).source({ scope: plain() }).token().catch(() => {});
      const [assertion] = caught.assertions;
      assert.equal(headerOf(assertion).alg, "RS512");
      const { n, e } = JSON.parse(world.sandbox.keyJWK);
      const publicKey = await subtle.importKey("jwk", { kty: "RSA", n, e }, { ...rsa, hash: "SHA-512" }, false, ["verify"]);
      const [input, signature] = [assertion.slice(0, assertion.lastIndexOf(".")), assertion.slice(assertion.lastIndexOf(".") + 1)];
      assert.ok(await subtle.verify(rsa.name, publicKey, base64Bytes(signature), new TextEncoder().encode(input)));
      assert.throws(() => world.client(t, { key: { cryptoKey, kid: "k", alg: "RS256" } }), { code: "invalid_key", message: /RS512.*RS256/ });
    });

    test("a KeyObject, with kid and with x5c", { skip: !world.node && "KeyObjects are of node:crypto" }, async (t) => {
      const { createPrivateKey, createPublicKey, generateKeyPairSync } = world.node.crypto;
      const { settings, keyPEM } = world.sandbox;
      const { clientId, pem, x5c } = certificate();
      const clients = [{ key: { keyObject: createPrivateKey(keyPEM), kid: settings.kid } }, { clientId, key: { keyObject: createPrivateKey(/-----BEGIN PRIVATE[^]*END PRIVATE KEY-----/.exec(pem)[0]), x5c } }];
      for (const config of clients) assert.ok((await world.client(t, config).source({ scope: plain() }).token()).accessToken);
      for (const [keyObject, message] of [[createPublicKey(keyPEM), /private/], [keyPEM, /private/], [generateKeyPairSync("ed25519").privateKey, /RSA/]]) {
        assert.throws(() => world.client(t, { key: { keyObject, kid: "k" } }), { code: "invalid_key", message });
      }
      assert.throws(() => world.client(t, { key: { keyObject: createPrivateKey(keyPEM) } }), { code: "invalid_key", message: /kid/ });
    });

    test("files as their bytes, also in the middle of a buffer", async (t) => {
      const { settings, keyPEM, keyJWK } = world.sandbox;
      const bytes = (text) => new TextEncoder().encode(`before${text}after`).subarray(6, 6 + text.length); // ASCII
      const keys = [{ pem: bytes(keyPEM), kid: settings.kid }, { jwk: bytes(keyJWK) }];
      for (const key of keys) assert.ok((await world.client(t, { key }).source({ scope: plain() }).token()).accessToken);
    });

    test("what is no key of that kind", async (t) => {
      const { keyPEM } = world.sandbox;
      const pss = await cryptoKeyOf(keyPEM, { name: "RSA-PSS", hash: "SHA-256" });
      const { publicKey } = await subtle.generateKey({ ...rsa, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, false, ["sign", "verify"]);
      const cases = [
        [{ cryptoKey: pss, kid: "k" }, /RSA-PSS/],
        [{ cryptoKey: publicKey, kid: "k" }, /private/],
        [{ cryptoKey: await cryptoKeyOf(keyPEM, { ...rsa, hash: "SHA-1" }), kid: "k" }, /SHA-1/],
        [{ cryptoKey: {}, kid: "k" }, /private/],
        [{ cryptoKey: null, kid: "k" }, /private/],
        [{ cryptoKey: await cryptoKeyOf(keyPEM), pem: keyPEM, kid: "k" }, /one of pem and cryptoKey/],
        [{ cryptoKey: await cryptoKeyOf(keyPEM) }, /kid/],
      ];
      for (const [key, message] of cases) assert.throws(() => world.client(t, { key }), { name: "MaskinportenError", message }, String(message));
    });

    test("rotation: the old key's token is never handed out again", async (t) => {
      const next = world.generateKey();
      await register(t, (keys) => [...keys, next.publicJwk]);
      const caught = catching();
      const client = world.client(t, { fetch: caught.fetch });
      const source = client.source({ scope: plain() });
      const old = await source.token();
      const { key } = source;
      client.rotate({ key: { jwk: next.privateJwk } });
      assert.equal(source.peek(), undefined);
      assert.notEqual(source.key, key);
      const fresh = await source.token();
      assert.notEqual(fresh.accessToken, old.accessToken);
      assert.equal(await source.token(), fresh);
      assert.deepEqual(caught.assertions.map((assertion) => headerOf(assertion).kid), [world.sandbox.settings.kid, next.kid]);
      assert.deepEqual(client.status().keys, [{ kid: next.kid, alg: "RS256", active: true }]);
    });

    test("F51: a rotation while a token is fetched serves those who wait", async (t) => {
      const next = world.generateKey();
      await register(t, (keys) => [...keys, next.publicJwk]);
      const signing = deferred();
      const signed = deferred();
      const { kid } = world.sandbox.settings;
      const sign = async (bytes) => {
        signing.resolve();
        await signed.promise;
        return webSigner(world.sandbox.keyPEM)(bytes);
      };
      const client = world.client(t, { key: undefined, signer: { kid, sign } });
      const source = client.source({ scope: plain() });
      const waiting = [source.token(), source.token()];
      await signing.promise;
      client.rotate({ key: { jwk: next.privateJwk } });
      signed.resolve();
      const tokens = await Promise.all(waiting);
      const { accessToken } = await source.token();
      const kids = (await world.sandbox.requests()).map((request) => request.kid);
      // Where each call drives its own flow, one may start over while the other still sends.
      assert.ok(world.sharesPromises ? kids.at(-1) === next.kid : kids.includes(next.kid), kids.join());
      assert.ok(tokens.every((token) => token.accessToken === accessToken), "the new key's token");
    });

    test("a rotation that is wrong changes nothing", async (t) => {
      const client = world.client(t);
      const source = client.source({ scope: plain() });
      const token = await source.token();
      for (const keys of [{}, { key: { pem: "x", kid: "k" } }, { signer: { kid: "k" } }, { key: { jwk: {} }, signer: {} }, { signer: { kid: "k", sign() {} }, colour: 1 }, { signer: { kid: "k", sign() {} }, nextKeys: {} }]) {
        assert.throws(() => client.rotate(keys), { name: "MaskinportenError" });
      }
      assert.equal(await source.token(), token);
      client.close();
      assert.throws(() => client.rotate({ signer: { kid: "k", sign() {} } }), { code: "closed" });
      assert.throws(() => client.status(), { code: "closed" });
    });

    test("F52: a key that is gone is followed by the next one, which signs by itself", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const { clientId } = { clientId: settings.client_id };
      const gone = world.generateKey();
      const own = { kid: settings.kid, sign: webSigner(keyPEM) };
      const events = [];
      const client = world.client(t, { clientId, key: { jwk: gone.privateJwk }, nextKeys: [own], onEvent: (event) => events.push(event) });
      assert.ok((await client.source({ scope: plain() }).token()).accessToken);
      assert.deepEqual(client.status().keys.map(({ kid, active }) => [kid, active]), [[gone.kid, false], [settings.kid, true]]);
      assert.ok(events.some(({ event }) => event === "key_fallback"), events.map(({ event }) => event).join());
      // And the same for a key of this package behind a signer.
      const back = world.client(t, { key: undefined, signer: { ...own, kid: "gone" }, nextKeys: [{ pem: keyPEM, kid: settings.kid }] });
      assert.ok((await back.source({ scope: plain() }).token()).accessToken);
    });

    test("status tells the keys, the clock and the cache", async (t) => {
      const { clientId, pem } = certificate();
      const client = world.client(t, { clientId, key: { pem }, cacheLimit: 7 });
      await client.source({ scope: plain() }).token();
      const { keys, clockOffsetMs, tokens, cacheLimit } = client.status();
      assert.equal(keys.length, 1);
      assert.match(keys[0].x5tS256, /^[0-9a-f]{64}$/);
      assert.ok(keys[0].notAfter > new Date() && keys[0].active && keys[0].alg === "RS256");
      assert.deepEqual([typeof clockOffsetMs, tokens, cacheLimit], ["number", 1, 7]);
    });

    test("a key that ends soon is told of, whoever signs with it", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 5 * 86_400_000);
      const sign = webSigner(keyPEM);
      const forms = [{ signer: { kid: settings.kid, notAfter, sign }, key: undefined }, { key: { kid: settings.kid, notAfter, cryptoKey: await cryptoKeyOf(keyPEM) } }];
      for (const config of forms) {
        const events = [];
        const client = world.client(t, { ...config, onEvent: (event) => events.push(event) });
        assert.deepEqual(client.status().keys[0].notAfter, notAfter);
        await client.source({ scope: plain() }).token();
        const [expiring] = events.filter(({ event }) => event === "key_expiring");
        assert.deepEqual([expiring.until, expiring.kid], [notAfter, `kid:${settings.kid}`]);
      }
      assert.throws(() => world.client(t, { key: undefined, signer: { kid: "k", notAfter: "soon", sign } }), { code: "invalid_configuration", message: /not_after_ms/ });
    });
  });
}
