// Makes and drops everything there is, again and again, and prints the resident
// memory at four times and the handles that are left.
const { entry, rounds } = JSON.parse(process.argv[2]);
const { Client } = await import(entry);
const { bind } = await import("../../node_modules/maskinporten/src/bind.js");
const { nativeEngine } = await import("../../node_modules/maskinporten/src/native.js");
const { wasmEngine } = await import("../../node_modules/maskinporten/src/wasm.js");
const engine = (entry.endsWith("native") ? nativeEngine : wasmEngine)();
if (bind(() => engine).Client.name !== Client.name) process.exit(2);

const signer = { kid: "k", signatureSize: 256, sign: () => new Uint8Array(256) };
let number = 0;
const answer = () =>
  number++ % 4 === 3
    ? Response.json({ error: "invalid_scope", error_description: "x".repeat(200) }, { status: 400 })
    : Response.json({ access_token: `${number}.${"t".repeat(900)}`, token_type: "Bearer", expires_in: 120 });
const entries = new Map();
const store = { get: (key) => entries.get(key), put: (key, entry) => void entries.set("last", entry) };
const config = { environment: "test", clientId: "x", signer, fetch: async () => answer(), onEvent() {}, store, storeKey: new Uint8Array(32), cacheLimit: 50 };

const lasting = new Client(config);
async function round(i) {
  const client = new Client(config);
  const source = client.source({ scope: "a:b" });
  const asked = [source, client.source({ scope: "c:d", extraClaims: { i } })];
  if (i % 40 === 0) asked.push(lasting.source({ scope: `a:${i}` })); // a client gets twenty tokens a second, no more
  const tokens = asked.map((one) => one.token().catch(() => {}));
  await source.token({ signal: AbortSignal.abort() }).catch(() => {});
  await Promise.all(tokens);
  client.rotate({ signer: { ...signer, kid: `k${i}` } });
  client.status();
  if (i % 2) client.close(); // the others are left to the collector
}

const kib = [];
for (let quarter = 0; quarter < 4; quarter++) {
  for (let i = 0; i < rounds / 4; i++) await round(quarter * rounds + i);
  for (let i = 0; i < 10; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  kib.push(Math.round(process.memoryUsage.rss() / 1024));
}
lasting.close();
for (let i = 0; i < 100 && engine.liveHandles() > 0; i++) {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(JSON.stringify({ kib, handles: engine.liveHandles(), tokens: rounds * 2 }));
