// Every example of the README and of the examples folder, run against the
// sandbox. What an example takes from elsewhere is real where it can be had
// (Express, Fastify, Redis); of a KMS there is a client that signs with a key.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Client } from "maskinporten";
import * as testing from "maskinporten/testing";
import { startRedis } from "./redis.mjs";
import { without } from "./tools.mjs";

const project = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(join(project, "node_modules/maskinporten/README.md"), "utf8");
const examples = new Map([...readme.matchAll(/```js\n\/\/ ([\w./-]+)(.*\n[^]*?)```/g)].map(([, name, code]) => [name, `//${code}`]));
const tried = new Set();
let sandbox;
let settings;
before(async () => {
  sandbox = await testing.startSandbox();
  ({ settings } = sandbox);
  Object.assign(process.env, sandbox.env, { CLIENT_ID: settings.clientId, KEY_ID: settings.kid, KMS_KEY: settings.keyPem });
  copyFileSync(settings.keyPem, join(project, "key.pem"));
  copyFileSync(settings.certificatePem, join(project, "certificate.pem"));
});
after(() => sandbox.close());

/** Writes an example as a file: the sandbox stands where Maskinporten and the API would. */
function written(name) {
  tried.add(name);
  const code = examples
    .get(name)
    .replaceAll(/environment: "(test|production)",? ?/g, (whole) => (name === "errors.mjs" ? whole : `environment: ${JSON.stringify(sandbox.environment)},`))
    .replaceAll("https://api.example.no/things", settings.sampleApi)
    .replaceAll("npm:maskinporten", "maskinporten");
  const path = join(project, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
  return path;
}

const imported = (name) => import(pathToFileURL(written(name)));

/** What an example prints. */
function printed(name, ...options) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, written(name)], { cwd: project, encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""], stdout);
  return stdout;
}

/** Puts a module where an example imports it from. */
function stub(name, code) {
  const folder = join(project, "node_modules", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
  writeFileSync(join(folder, "index.js"), code);
}

for (const [name, output] of [["main.mjs", /^200\n$/], ["asking.mjs", /^$/], ["main-deno.mjs", /^200\n$/], ["main-bun.mjs", /^200\n$/], ["events.mjs", /^token request 200 \d+ ms\ntrue\n$/]]) {
  test(`${name} runs`, () => assert.match(printed(name), output));
}

test("errors.mjs prints what to do", () => {
  const [code, remedy, finding, certificate, more] = printed("errors.mjs").split("\n");
  assert.equal(code, "scope_not_registered MP-200 false");
  assert.match(remedy, /\.$/);
  assert.match(finding, /^false \w+ .*\.$/);
  assert.match(certificate, new RegExp(`^${settings.organization} \\d{4}-.* \\[\\]$`));
  assert.equal(more, "");
});

test("things.test.mjs is a test that passes", () => {
  const { NODE_TEST_CONTEXT, ...env } = process.env; // of this very test
  const { status, stdout } = spawnSync(process.execPath, ["--test", written("things.test.mjs")], { cwd: project, encoding: "utf8", env });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /pass 1\n/);
});

for (const name of ["express.mjs", "fastify.mjs"]) {
  test(`${name} answers with the API's answer`, async () => {
    const { app } = await imported(name);
    const server = name === "express.mjs" ? app.listen(0, "127.0.0.1") : app.server;
    await (name === "express.mjs" ? once(server, "listening") : app.listen({ host: "127.0.0.1", port: 0 }));
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/things`);
    assert.deepEqual([answer.status, (await answer.json()).scope], [200, "toll:movement/road/v2"]);
    await (name === "express.mjs" ? server.close() : app.close());
  });
}

test("the route handler passes on the API's answer and the signal", async () => {
  const { GET } = await imported("app/things/route.js");
  assert.equal((await GET(new Request("http://127.0.0.1/things"))).status, 200);
  await assert.rejects(GET(new Request("http://127.0.0.1/things", { signal: AbortSignal.abort() })), { name: "AbortError" });
});

test("worker.mjs calls the API, and its namespace has the token", async () => {
  const { default: worker } = await imported("worker.mjs");
  const entries = new Map();
  const TOKENS = { get: async (key) => entries.get(key) ?? null, put: async (key, entry) => void entries.set(key, entry) };
  const env = { CLIENT_ID: settings.clientId, PRIVATE_JWK: sandbox.env.MASKINPORTEN_CLIENT_JWK, TOKENS, STORE_KEY: Buffer.alloc(32, 1).toString("base64") };
  for (let request = 0; request < 2; request++) assert.equal((await worker.fetch(new Request("http://127.0.0.1"), env, { waitUntil() {} })).status, 200);
  assert.equal(entries.size, 1);
});

const kms = {
  "azure.mjs": {
    "@azure/identity": "export class DefaultAzureCredential {}",
    "@azure/keyvault-keys": `
      import { sign } from "node:crypto";
      import { readFileSync } from "node:fs";
      import { DefaultAzureCredential } from "@azure/identity";
      export class CryptographyClient {
        constructor(key, credential) {
          if (!(credential instanceof DefaultAzureCredential)) throw new TypeError("no credential");
          this.key = key;
        }
        async signData(algorithm, data) {
          if (algorithm !== "RS256") throw new RangeError(algorithm);
          return { algorithm, keyID: this.key, result: new Uint8Array(sign("sha256", data, readFileSync(this.key))) };
        }
      }`,
  },
  "google.mjs": {
    "@google-cloud/kms": `
      import { readFileSync } from "node:fs";
      import { signDigest } from "sign-digest";
      export class KeyManagementServiceClient {
        async asymmetricSign({ name, digest: { sha256 } }) {
          return [{ name, signature: signDigest(sha256, readFileSync(name)) }, undefined, undefined];
        }
      }`,
  },
  "aws.mjs": {
    "@aws-sdk/client-kms": `
      import { readFileSync } from "node:fs";
      import { signDigest } from "sign-digest";
      export class SignCommand {
        constructor(input) {
          this.input = input;
        }
      }
      export class KMSClient {
        async send({ input: { KeyId, Message, MessageType, SigningAlgorithm } }) {
          if (MessageType !== "DIGEST" || SigningAlgorithm !== "RSASSA_PKCS1_V1_5_SHA_256") throw new RangeError("ValidationException");
          return { KeyId, SigningAlgorithm, Signature: new Uint8Array(signDigest(Message, readFileSync(KeyId))) };
        }
      }`,
  },
};
// A KMS signs a digest; here its DigestInfo (RFC 8017 §9.2) is made by hand.
const signDigest = `
  import { constants, privateEncrypt } from "node:crypto";
  const info = Buffer.from("3031300d060960864801650304020105000420", "hex");
  export function signDigest(digest, key) {
    if (digest.length !== 32) throw new RangeError("a digest has 32 bytes");
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([info, digest]));
  }`;
for (const [name, modules] of Object.entries(kms)) {
  test(`signer-${name} signs grants`, async (t) => {
    stub("sign-digest", signDigest);
    for (const [module, code] of Object.entries(modules)) stub(module, code);
    const { signer } = await imported(`signer-${name}`);
    const client = new Client({ environment: sandbox.environment, clientId: settings.clientId, signer });
    t.after(() => client.close());
    assert.ok((await client.source({ scope: "sandbox:plain" }).token()).accessToken);
  });
}

const noRedis = without("redis-server");
test("redis-store.mjs keeps tokens in Redis", { skip: noRedis }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.close());
  process.env.REDIS_URL = redis.path;
  stub("redis", `
    import { redisStore } from ${JSON.stringify(new URL("redis.mjs", import.meta.url))};
    export const createClient = ({ url }) => ({
      async connect() {
        const { command } = redisStore(url);
        return { get: (key) => command("GET", key), set: (key, value, { EX }) => command("SET", key, value, "EX", String(EX)) };
      },
    });`);
  const { store } = await imported("redis-store.mjs");
  await sandbox.reset();
  const storeKey = new Uint8Array(32);
  for (let process = 0; process < 2; process++) {
    const client = new Client(sandbox.config({ store, storeKey }));
    await client.source({ scope: "sandbox:plain" }).token();
    for (const until = Date.now() + 5000; Date.now() < until && !(await store.get(`maskinporten:1:${client.source({ scope: "sandbox:plain" }).key}`)); );
    client.close();
  }
  assert.equal((await sandbox.requests()).length, 1);
});

test("no example was left out", () => {
  assert.equal(examples.size, readme.match(/```js\n/g).length, "each begins with its name");
  assert.deepEqual([...examples.keys()].filter((name) => !tried.has(name)), noRedis ? ["redis-store.mjs"] : []);
});

test("the main job, by every engine", () => {
  for (const engine of ["native", "wasip1", "js"]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["examples/main-job.mjs", join(sandbox.folder, "settings.json"), "--engine", engine], { cwd: project, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    const { expires_in_s: life, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { grant: true, token: true, customs: true, test_auth: 200, engine });
    assert.ok(life > 0);
  }
});
