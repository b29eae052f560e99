// The native engine and the ways in which threads and processes end.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Client } from "maskinporten/native";
import { startSandbox } from "./sandbox.mjs";

const program = new URL("children/work.mjs", import.meta.url);

describe("native, in threads and processes", { timeout: 60_000 }, () => {
  let sandbox;
  let job;
  before(async () => {
    sandbox = await startSandbox();
    job = (way) => ({ way, config: sandbox.config(), scope: sandbox.settings.scopes.plain });
  });
  after(() => sandbox.close());

  /** Starts the program as a worker: what it says first, and how it ends. */
  function work(way) {
    const worker = new Worker(program, { workerData: job(way) });
    return { worker, said: once(worker, "message"), ended: once(worker, "exit") };
  }

  test("four workers and the main thread, each with its own client", async () => {
    const workers = Array.from({ length: 4 }, () => work("use"));
    const client = new Client(sandbox.config());
    const source = client.source({ scope: sandbox.settings.scopes.plain });
    const token = await source.token();
    for (const { said, ended } of workers) {
      assert.deepEqual(await said, [true]);
      assert.deepEqual(await ended, [0]);
    }
    assert.equal(source.peek(), token.accessToken, "the main thread's client is unharmed");
    client.close();
  });

  test("a worker that is terminated during a fetch", async () => {
    const { worker, said } = work("hang");
    await said;
    await worker.terminate();
    const again = work("use");
    assert.deepEqual(await again.said, [true]);
    assert.deepEqual(await again.ended, [0]);
  });

  test("a process that exits during a fetch", () => {
    const { status, signal, stderr } = spawnSync(process.execPath, [fileURLToPath(program), JSON.stringify(job("exit"))], { encoding: "utf8" });
    assert.deepEqual([status, signal, stderr], [7, null, ""]);
  });
});
