// The shared store on a real Redis, between processes on both engines.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { redisStore, startRedis } from "./redis.mjs";
import { startSandbox } from "./sandbox.mjs";
import { without } from "./tools.mjs";

const skip = without("redis-server");
const program = fileURLToPath(new URL("children/shared.mjs", import.meta.url));
let sandbox;
let redis;
before(async () => {
  if (skip) return;
  sandbox = await startSandbox();
  redis = await startRedis();
});
after(async () => {
  await redis?.close();
  await sandbox?.close();
});

test("processes share a token through Redis, and go on without it", { skip, timeout: 60_000 }, async () => {
  const task = { path: redis.path, storeKey: randomBytes(32).toString("base64"), config: sandbox.config(), scope: sandbox.settings.scopes.plain };
  const run = async (engine) => JSON.parse((await promisify(execFile)(process.execPath, [program, JSON.stringify({ ...task, entry: `maskinporten/${engine}` })])).stdout);
  const first = await run("native");
  const others = await Promise.all(["wasm", "native", "wasm-js", "wasm"].map(run));
  for (const other of others) assert.deepEqual(other, { digest: first.digest, failed: [] });
  assert.equal((await sandbox.requests()).length, 1);

  const store = redisStore(redis.path);
  const [key] = (await store.command("EVAL", "return redis.call('KEYS', '*')[1]", "0")).split("\n");
  assert.match(key, /^maskinporten:1:[0-9a-f]{64}$/);
  await store.put(key, "forged.entry", { expirationTtl: 60 });
  const forged = await run("native");
  assert.notEqual(forged.digest, first.digest);
  assert.equal(forged.failed.length, 1);

  await redis.close();
  redis = undefined;
  const alone = await run("wasm");
  assert.notEqual(alone.digest, forged.digest);
  assert.deepEqual(new Set(alone.failed), new Set(["connection_failed"]));
  assert.equal((await sandbox.requests()).length, 3);
});
