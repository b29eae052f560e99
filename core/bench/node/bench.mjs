// What the npm package costs, as rows of the table.
//
//   node bench.mjs CONFIG [--strace]     all rows
//   node bench.mjs --hits N CONFIG       only N cached tokens, for strace
//
// CONFIG is what the command endpoint wrote. It lies in a folder where the
// package is installed and is started in the repository, where the development
// dependencies of bindings/node are: the libraries that people use instead.
import { execFileSync, spawnSync } from "node:child_process";
import { webcrypto } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { strace: { type: "boolean" }, hits: { type: "string" } } });
const [configFile] = positionals;
if (!configFile) {
  console.error("usage: node bench.mjs [--strace] [--hits N] CONFIG");
  process.exit(2);
}
const { environment, client_id: clientId, key } = JSON.parse(readFileSync(configFile, "utf8"));
const config = {
  environment: { issuer: environment.issuer, tokenEndpoint: environment.token_endpoint, allowLoopbackHttp: true },
  clientId,
  key: { jwk: key.jwk },
};
const engines = { native: "maskinporten/native", "WASM wasip1": "maskinporten/wasm", "WASM js": "maskinporten/wasm-js" };

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** Microseconds of one call, over so many. */
async function timed(work, calls) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) await work();
  return Number(process.hrtime.bigint() - start) / 1000 / calls;
}

/** Both in turns: the medians, and that of the ratios of neighbouring turns. */
async function versus(a, b, turns) {
  const found = { a: [], b: [], ratio: [] };
  await timed(a, 1);
  await timed(b, 1);
  for (let turn = 0; turn < turns; turn++) {
    if (turn % 2) found.a.push(await timed(a, 1));
    found.b.push(await timed(b, 1));
    if (turn % 2 === 0) found.a.push(await timed(a, 1));
    found.ratio.push(found.a.at(-1) / found.b.at(-1));
  }
  return { a: median(found.a), b: median(found.b), ratio: median(found.ratio) };
}

function row(what, against, ratio, goal, met) {
  const verdict = goal === "-" ? "-" : met ? "yes" : "**no**";
  console.log(`| ${what} | ${against} | ${ratio} | ${goal} | ${verdict} |`);
}

/** What a first token cannot do without: WebCrypto's signature and a POST. */
async function bareFetch() {
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const privateKey = await webcrypto.subtle.importKey("jwk", key.jwk, rsa, false, ["sign"]);
  const signingInput = `${"h".repeat(40)}.${"c".repeat(400)}`;
  const bytes = new TextEncoder().encode(signingInput);
  return async () => {
    const signature = Buffer.from(await webcrypto.subtle.sign(rsa, privateKey, bytes)).toString("base64url");
    const answer = await fetch(environment.token_endpoint, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=${signingInput}.${signature}`,
    });
    if (answer.status !== 200) throw new Error(`the bare request got ${answer.status}`);
    await answer.json();
  };
}

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** A grant as people write it with jose, for a token that is cached nowhere. */
async function josesGrant({ SignJWT, importJWK }) {
  const privateKey = await importJWK(key.jwk, "RS256");
  return (number) =>
    new SignJWT({ scope: `bench:first/${number}` })
      .setProtectedHeader({ alg: "RS256", kid: key.jwk.kid })
      .setIssuer(clientId)
      .setAudience(environment.issuer)
      .setIssuedAt()
      .setExpirationTime("60s")
      .setJti(webcrypto.randomUUID())
      .sign(privateKey);
}

/** What people use instead: {name: a function that gets a token}. */
async function others() {
  const tools = createRequire(join(process.cwd(), "bindings/node/package.json"));
  const load = (name) => import(pathToFileURL(tools.resolve(name)));
  const [jose, openid] = await Promise.all([load("jose"), load("openid-client")]);
  const grant = await josesGrant(jose);
  const server = new openid.Configuration({ issuer: environment.issuer, token_endpoint: environment.token_endpoint }, clientId, undefined, openid.None());
  openid.allowInsecureRequests(server); // loopback
  let number = 0;
  return {
    "jose and fetch": async () => {
      const body = new URLSearchParams({ grant_type: grantType, assertion: await grant(number++) });
      const answer = await fetch(environment.token_endpoint, { method: "POST", body });
      if (!answer.ok) throw new Error(`jose and fetch got ${answer.status}`);
      return answer.json();
    },
    "jose and openid-client": async () => openid.genericGrantRequest(server, grantType, { assertion: await grant(number++) }),
  };
}

/** A new client for each round: one client sends a burst of 50 and then takes its time. */
async function firstTokens(Client, bare) {
  const rounds = [];
  for (let round = 0; round < 5; round++) {
    const client = new Client(config);
    let number = 0;
    rounds.push(await versus(() => client.source({ scope: `bench:first/${number++}` }).token(), bare, 35));
    client.close();
  }
  return Object.fromEntries(["a", "b", "ratio"].map((name) => [name, median(rounds.map((round) => round[name]))]));
}

/** The cheapest call across the same boundary that returns the same text. */
async function bareBridge(name, text) {
  if (name !== "native") {
    const module = new WebAssembly.Module(readFileSync(new URL("node_modules/maskinporten/wasm/maskinporten-wasip1.wasm", import.meta.url)));
    const { startReactor } = await import(new URL("node_modules/maskinporten/src/wasi.js", import.meta.url));
    const { exports, memory } = startReactor(module);
    const address = exports.mp_alloc(text.length);
    new TextEncoder().encodeInto(text, new Uint8Array(memory.buffer, address, text.length));
    const decoder = new TextDecoder();
    return () => {
      exports.mp_abi_version();
      return decoder.decode(new Uint8Array(memory.buffer, address, text.length));
    };
  }
  const { include_dir: headers } = createRequire(join(process.cwd(), "bindings/node/package.json"))("node-api-headers");
  const addon = `${configFile}.node`;
  execFileSync(process.env.CC || "cc", ["-std=c99", "-O2", "-fPIC", "-shared", "-isystem", headers, "-o", addon, join(process.cwd(), "core/bench/node/bare.c")]);
  const { set, get } = createRequire(import.meta.url)(resolve(addon));
  set(text);
  return get;
}

async function measure(name, bare, rivals) {
  const { Client } = await import(engines[name]);
  const client = new Client(config);
  const source = client.source({ scope: "bench:read" });
  const { accessToken } = await source.token();
  const calls = 20_000;
  let cached;
  for (const [what, work] of Object.entries({ "source.token()": () => source.token(), "source.peek()": () => source.peek() })) {
    await timed(work, calls); // until it is compiled
    const times = [];
    for (let turn = 0; turn < 15; turn++) times.push(await timed(work, calls));
    const once = median(times);
    cached ??= once; // of source.token()
    row(`Node ${name}: cached, ${what}`, "1 µs", `${once.toFixed(2)} (${once.toFixed(2)} µs)`, "≤ 1", once <= 1);
  }
  client.close();
  const bridge = await bareBridge(name, accessToken);
  const times = [];
  await timed(bridge, calls);
  for (let turn = 0; turn < 15; turn++) times.push(await timed(bridge, calls));
  const crossed = median(times);
  row(`Node ${name}: cached, source.token()`, "a bare call across the boundary that returns the same text", `${(cached / crossed).toFixed(2)} (${cached.toFixed(2)} µs / ${crossed.toFixed(2)} µs)`, "-");
  const { a, b, ratio } = await firstTokens(Client, bare);
  row(`Node ${name}: first token`, "one WebCrypto signature and one fetch", `${ratio.toFixed(2)} (${(a / 1000).toFixed(2)} ms / ${(b / 1000).toFixed(2)} ms)`, "≤ 1.3", ratio <= 1.3);
  for (const [other, work] of Object.entries(rivals)) {
    const { a, b, ratio } = await firstTokens(Client, work);
    row(`Node ${name}: first token`, other, `${ratio.toFixed(2)} (${(a / 1000).toFixed(2)} ms / ${(b / 1000).toFixed(2)} ms)`, "≤ 1.1", ratio <= 1.1);
  }
}

/** How often a process with so many cached readings opens /proc/self/maps. */
function mapsOpened(hits) {
  const trace = `${configFile}.strace`;
  const child = [process.execPath, fileURLToPath(import.meta.url), "--hits", String(hits), configFile];
  const { status, stderr } = spawnSync("strace", ["-f", "-qq", "-e", "trace=open,openat", "-o", trace, ...child], { encoding: "utf8" });
  if (status !== 0) throw new Error(`strace ended with ${status}: ${stderr}`);
  const opened = readFileSync(trace, "utf8").match(/open(at)?\(.*/g);
  rmSync(trace);
  if (!opened) throw new Error("strace saw no file being opened");
  return opened.filter((call) => call.includes('"/proc/self/maps"')).length;
}

if (values.hits !== undefined) {
  const { Client } = await import(engines.native);
  const source = new Client(config).source({ scope: "bench:read" });
  await source.token();
  for (let i = 0; i < Number(values.hits); i++) await source.token();
  process.exit(0);
}
const bare = await bareFetch();
const rivals = await others();
for (const name of Object.keys(engines)) await measure(name, bare, rivals);
const what = "Node native: /proc/self/maps opened by 1,000 cached tokens";
if (values.strace) {
  const opened = mapsOpened(1000) - mapsOpened(0);
  row(what, "none cached", String(opened), "0", opened === 0);
} else {
  row(what, "none cached", "not counted: strace is not on this machine", "-");
}
