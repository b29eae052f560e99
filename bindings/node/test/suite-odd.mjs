// What only JavaScript can hand in, one test for each. For Node, which has
// pooled Buffers, shared memory and realms.
import { createSign } from "node:crypto";
import { once } from "node:events";
import { runInNewContext } from "node:vm";
import { assert, describe, test } from "./harness.mjs";

export function oddTests(world) {
  describe("odd values (bad inputs, Node)", () => {
    const plain = () => world.sandbox.settings.scopes.plain;
    const sign = (bytes) => createSign("RSA-SHA256").update(bytes).sign(world.sandbox.keyPEM);
    const signing = (own) => ({ key: undefined, signer: { kid: world.sandbox.settings.kid, signatureSize: 256, sign: own } });

    test("undefined and null are as if left out", async (t) => {
      const options = { password: undefined, alg: undefined };
      const client = world.client(t, { key: { ...world.sandbox.config().key, ...options }, store: undefined, onEvent: undefined, cacheLimit: undefined, nextKeys: undefined });
      const source = client.source({ scope: plain(), scopes: undefined, consumerOrg: undefined, exchange: undefined, resource: null, pid: null });
      assert.equal(source.key, client.source({ scope: plain() }).key);
      assert.ok((await source.token({ signal: undefined })).accessToken);
      assert.ok((await source.token(null)).accessToken);
      for (const scope of [null, [undefined], [null]]) assert.throws(() => client.source({ scope }), { code: "invalid_token_request" });
    });

    test("a Symbol, a BigInt, a function, NaN and infinity are named and refused", (t) => {
      const client = world.client(t);
      for (const value of [Symbol("x"), 10n, () => {}, NaN, Infinity]) {
        for (const request of [{ scope: value }, { scope: "a:b", pid: value }, { scope: "a:b", systemUser: { org: value } }, { scope: "a:b", exchange: [value] }]) {
          assert.throws(() => client.source(request), { code: "invalid_argument", message: /is not a value for a setting/ });
        }
      }
      assert.equal(client.source({ scope: "a:b", [Symbol("x")]: 1 }).key, client.source({ scope: "a:b" }).key, "a member that has no name is none");
    });

    test("a getter that throws: its own error, and nothing is left behind", async (t) => {
      const mine = new Error("from a getter");
      const throwing = (name) => Object.defineProperty({}, name, { enumerable: true, get() { throw mine; } });
      const client = world.client(t);
      for (const call of [() => new world.Client(throwing("key")), () => client.source(throwing("scope")), () => client.rotate(throwing("signer")), () => world.client(t, { key: throwing("pem") }), () => world.client(t, { key: undefined, signer: throwing("kid") })]) {
        assert.throws(call, (error) => error === mine);
      }
      await assert.rejects(client.source({ scope: plain() }).token(throwing("signal")), (error) => error === mine);
      assert.ok((await client.source({ scope: plain() }).token()).accessToken);
    });

    test("a getter that gives something else each time is read once", async (t) => {
      let reads = 0;
      const request = { get scope() { return reads++ === 0 ? plain() : "b:c"; } };
      const client = world.client(t);
      const source = client.source(request);
      assert.equal(reads, 1);
      assert.equal(source.key, client.source({ scope: plain() }).key);
    });

    test("a Proxy, also one that was revoked", async (t) => {
      const client = new world.Client(new Proxy(world.sandbox.config(), {}));
      t.after(() => client.close());
      assert.ok((await client.source(new Proxy({ scope: plain() }, {})).token()).accessToken);
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      assert.throws(() => client.source(proxy), TypeError);
      assert.throws(() => new world.Client(proxy), TypeError);
    });

    test("options that somebody put on Object.prototype are not the caller's", async (t) => {
      const polluted = { signer: { kid: "evil", sign: () => assert.fail("the evil signer signed") }, consumerOrg: "910753614", store: {}, fetch: () => assert.fail("the evil fetch sent"), password: "evil" };
      const clean = world.client(t).source({ scope: plain() }).key;
      for (const [name, value] of Object.entries(polluted)) Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
      t.after(() => Object.keys(polluted).forEach((name) => delete Object.prototype[name]));
      const source = world.client(t).source({ scope: plain() });
      assert.equal(source.key, clean);
      assert.ok((await source.token()).accessToken);
    });

    test("__proto__ and constructor as names", (t) => {
      const client = world.client(t);
      for (const json of ['{"scope":"a:b","__proto__":{"pid":"x"}}', '{"scope":"a:b","constructor":1}', '{"scope":"a:b","extraClaims":{"a":1},"toString":null,"hasOwnProperty":1}']) {
        assert.throws(() => client.source(JSON.parse(json)), { code: "invalid_token_request" }, json);
      }
      assert.ok(client.source(JSON.parse('{"scope":"a:b","extraClaims":{"__proto__":{"x":1},"constructor":2}}')).key !== client.source({ scope: "a:b" }).key);
    });

    test("a lone surrogate is refused, wherever text goes", async (t) => {
      const client = world.client(t);
      for (const request of [{ scope: "a:\ud800" }, { scope: "a:b", resource: "https://x.no/\udfff" }, { scope: "a:b", systemUser: { org: "310702641", externalRef: "\ud83d" } }, { scope: "a:b", extraClaims: { "\udc00": 1 } }]) {
        assert.throws(() => client.source(request), { name: "MaskinportenError" });
      }
      assert.throws(() => world.client(t, { clientId: "\ud800" }), { name: "MaskinportenError" });
      const source = client.source({ scope: plain() });
      const token = await source.token();
      source.invalidate({ accessToken: `${token.accessToken}\ud800` });
      assert.equal(source.peek(), token.accessToken, "another token is another token");
    });

    test("NUL and control characters", (t) => {
      for (const clientId of ["a\0b", "a\nb", "\u0085", "\u2028"]) assert.throws(() => world.client(t, { clientId }), { code: "invalid_configuration" }, JSON.stringify(clientId));
    });

    test("a key on Node's pool, and in shared memory", async (t) => {
      const { settings, keyPEM } = world.sandbox;
      const pooled = Buffer.from(keyPEM);
      const shared = new Uint8Array(new SharedArrayBuffer(keyPEM.length + 8), 8);
      shared.set(pooled);
      for (const pem of [pooled, shared]) assert.ok((await world.client(t, { key: { pem, kid: settings.kid } }).source({ scope: plain() }).token()).accessToken);
    });

    test("a signature as a Buffer on the pool, in shared memory, as an ArrayBuffer, of another realm", async (t) => {
      const shared = (bytes) => {
        const view = new Uint8Array(new SharedArrayBuffer(bytes.length + 16), 16, bytes.length);
        view.set(bytes);
        return view;
      };
      const pooled = (bytes) => {
        const pool = Buffer.alloc(8192);
        bytes.copy(pool, 1000);
        return pool.subarray(1000, 1000 + bytes.length);
      };
      const foreign = (bytes) => runInNewContext("Uint8Array.from(bytes)", { bytes: [...bytes] });
      const forms = [pooled, shared, foreign, (bytes) => new Uint8Array(bytes).buffer, (bytes) => foreign(bytes).buffer, (bytes) => new DataView(new Uint8Array(bytes).buffer)];
      for (const form of forms) {
        const client = world.client(t, signing((bytes) => form(sign(bytes))));
        assert.ok((await client.source({ scope: plain() }).token()).accessToken, String(form));
      }
      assert.equal((await world.sandbox.requests()).filter(({ status }) => status !== 200).length, 0);
    });

    test("a signature that changes after it was given, and one whose memory is gone", async (t) => {
      let given;
      const changing = world.client(t, signing((bytes) => {
        given = sign(bytes);
        setImmediate(() => given.fill(0));
        return given;
      }));
      assert.ok((await changing.source({ scope: plain() }).token()).accessToken);
      const detached = world.client(t, signing((bytes) => {
        const { buffer } = new Uint8Array(sign(bytes));
        structuredClone(buffer, { transfer: [buffer] });
        return buffer;
      }));
      await assert.rejects(detached.source({ scope: plain() }).token(), ({ code }) => ["signing_failed", "invalid_signature"].includes(code));
    });

    test("a signer of a class of one's own, which uses this and mutates what it gets", async (t) => {
      class Vault {
        #asked = 0;
        get kid() { return world.sandbox.settings.kid; }
        async sign(bytes) {
          this.#asked++;
          const signature = sign(bytes);
          bytes.fill(0);
          return signature;
        }
        get asked() { return this.#asked; }
      }
      const vault = new Vault();
      assert.ok((await world.client(t, { key: undefined, signer: vault }).source({ scope: plain() }).token()).accessToken);
      assert.equal(vault.asked, 1);
    });

    test("frozen options, all the way down", async (t) => {
      const freeze = (value) => (value && typeof value === "object" && !ArrayBuffer.isView(value) ? Object.freeze(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, freeze(member)]))) : value);
      const client = new world.Client(freeze(world.sandbox.config()));
      t.after(() => client.close());
      const source = client.source(Object.freeze({ scopes: Object.freeze([plain()]), resource: Object.freeze(["https://a.no"]) }));
      assert.ok((await source.token(Object.freeze({ signal: Object.freeze(new AbortController().signal) }))).accessToken);
    });

    test("options that change afterwards change nothing", async (t) => {
      const scopes = [plain()];
      const config = world.sandbox.config();
      const client = new world.Client(config);
      t.after(() => client.close());
      config.clientId = "other";
      config.key.pem = "gone";
      const source = client.source({ scopes });
      const { key } = source;
      scopes.push("b:c");
      assert.ok((await source.token()).accessToken);
      assert.equal(source.key, key);
    });

    test("new omitted, methods torn off, and classes mixed up", async (t) => {
      assert.throws(() => world.Client(world.sandbox.config()), TypeError);
      const client = world.client(t);
      const source = client.source({ scope: plain() });
      const { token, peek } = source;
      await assert.rejects(token(), TypeError);
      assert.throws(() => peek.call({}), TypeError);
      assert.throws(() => source.peek.call(client), TypeError);
      assert.throws(() => new source.constructor({}), (error) => error instanceof Error);
    });

    test("used after close", async (t) => {
      const client = world.client(t);
      const source = client.source({ scope: plain() });
      await source.token();
      const before = String(source.key);
      client.close();
      for (const use of [() => source.peek(), () => source.invalidate({ accessToken: "x" }), () => client.source({ scope: "a:b" }), () => client.status()]) assert.throws(use, { code: "closed", number: 1009 });
      for (const use of [source.token(), source.fetch("https://api.example.no")]) await assert.rejects(use, { code: "closed" });
      assert.equal(source.key, before, "what it was for can still be logged");
      source.close();
    });

    test("two realms: options, bytes and errors of another one", async (t) => {
      const { keyJWK, settings } = world.sandbox;
      const realm = (code, values = {}) => runInNewContext(code, values);
      const config = realm("JSON.parse(text)", { text: JSON.stringify({ environment: world.sandbox.environment, clientId: settings.client_id, key: { jwk: keyJWK } }) });
      assert.ok(!(config instanceof Object));
      const client = new world.Client(config);
      t.after(() => client.close());
      assert.ok((await client.source(realm(`({ scopes: [${JSON.stringify(plain())}] })`)).token()).accessToken);
      const pkcs12 = realm("Uint8Array.from([1, 2, 3])");
      assert.throws(() => world.client(t, { key: { pkcs12, password: "x" } }), { code: "invalid_key" });
      const foreign = realm("new Error('of another realm')");
      const error = await world.client(t, signing(() => Promise.reject(foreign))).source({ scope: plain() }).token().catch((caught) => caught);
      assert.equal(error.cause, foreign);
    });

    test("what a signer throws may be anything", async (t) => {
      for (const thrown of [undefined, null, 0, "text", Symbol("s"), Object.create(null), { toString() { throw new Error("again"); } }]) {
        const error = await world.client(t, signing(() => { throw thrown; })).source({ scope: plain() }).token().catch((caught) => caught);
        assert.equal(error.code, "signing_failed", String(error));
        assert.equal(error.cause, thrown);
        assert.ok("cause" in error);
      }
    });

    test("an observer that throws or rejects ends nothing, and is heard of", async (t) => {
      for (const onEvent of [() => { throw new Error("observer broke"); }, async () => { throw new Error("observer broke"); }]) {
        const warned = once(process, "warning");
        assert.ok((await world.client(t, { onEvent }).source({ scope: plain() }).token()).accessToken);
        assert.match((await warned)[0].message, /onEvent failed.*observer broke/);
      }
    });

    test("thenables and results that settle twice", async (t) => {
      const thenable = (bytes) => ({ then(resolve, reject) { resolve(sign(bytes)); reject(new Error("twice")); resolve(new Uint8Array(3)); } });
      assert.ok((await world.client(t, signing(thenable)).source({ scope: plain() }).token()).accessToken);
    });

    const clocks = world.name === "native" && "the library reads the clocks of the machine";
    test("F86: a request that was frozen for good holds up nobody, and leaves nothing behind", { skip: clocks }, async (t) => {
      const engine = world.ownEngine();
      const { Client } = world.bind(() => engine, { sharesPromises: false });
      const jtis = [];
      let frozen = true;
      const client = new Client(
        world.sandbox.config({
          fetch: (url, init) => {
            jtis.push(JSON.parse(Buffer.from(new URLSearchParams(init.body).get("assertion").split(".")[1], "base64url")).jti);
            return frozen ? new Promise(() => {}) : fetch(url, init);
          },
        }),
      );
      t.after(() => client.close());
      const source = client.source({ scope: plain() });
      const lost = source.token();
      lost.catch(() => {}); // the test's end closes the client
      while (jtis.length === 0) await new Promise(setImmediate);
      frozen = false;
      const { now: date } = Date;
      const monotonic = performance.now;
      t.after(() => ([Date.now, performance.now] = [date, monotonic]));
      const later = (ms) => {
        Date.now = () => date() + ms;
        performance.now = () => monotonic.call(performance) + ms;
      };
      later(25_000); // behind the lease of the flow that was lost
      const { accessToken } = await source.token();
      assert.ok(accessToken);
      const before = engine.liveHandles();
      later(90_000);
      await client.source({ scope: world.sandbox.settings.scopes.other }).token();
      assert.equal(engine.liveHandles(), before, "one source more, and the flow that was lost is gone");
      assert.equal(new Set(jtis).size, jtis.length, "no jti twice");
    });

    test("F86: an instance that was made anew goes on with new grants", { skip: clocks && "the library is never made anew" }, async (t) => {
      const instances = [];
      const { WasmEngine } = world.parts;
      const engine = new WasmEngine(world.name, () => instances[instances.push(world.parts.start(world.name)) - 1]);
      const { Client } = world.bind(() => engine);
      const client = new Client(world.sandbox.config());
      t.after(() => client.close());
      const source = client.source({ scope: plain() });
      const first = await source.token();
      client.rotate({ key: world.sandbox.config().key });
      const second = await source.token();
      new Uint8Array(instances[0].memory.buffer).fill(0xff);
      await source.token().catch(({ code }) => assert.equal(code, "internal"));
      const third = await source.token();
      assert.equal(new Set([first, second, third].map((token) => token.accessToken)).size, 3);
      const jtis = (await world.sandbox.requests()).map(({ jti }) => jti);
      assert.equal(new Set(jtis).size, jtis.length);
    });

    test("where promises are not shared, callers still cause one request", async (t) => {
      const background = [];
      const { Client } = world.bind(world.ownEngine, { sharesPromises: false, waitUntil: (promise) => background.push(promise) });
      const client = new Client(world.sandbox.config());
      t.after(() => client.close());
      const source = client.source({ scope: plain() });
      const tokens = await Promise.all(Array.from({ length: 20 }, () => source.token()));
      assert.equal(new Set(tokens.map((token) => token.accessToken)).size, 1);
      assert.equal((await world.sandbox.requests()).length, 1);
      // A request that dies with its promises does not hold up the others for good, and renewals are handed over.
      await world.sandbox.faults([{ path: "/token", times: 1, expires_in: 2 }]);
      const short = client.source({ scope: world.sandbox.settings.scopes.other });
      const first = await short.token();
      while ((await short.token()).accessToken === first.accessToken) await world.sandbox.requests();
      assert.ok(background.length > 0);
      await Promise.all(background);
    });
  });
}
