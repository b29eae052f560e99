// The ways in which threads and processes end (fault F89), what stays behind in
// memory, and how long the event loop stands still.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { startSandbox } from "./sandbox.mjs";

const child = (name) => fileURLToPath(new URL(`children/${name}.mjs`, import.meta.url));

/** Runs a program of the folder children to its end: its line of JSON. */
function run(name, task, options = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, child(name), JSON.stringify(task)], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  return JSON.parse(stdout);
}

for (const engine of ["native", "wasm"]) {
  const entry = `maskinporten/${engine}`;

  describe(`${engine}, in threads and processes`, { timeout: 180_000 }, () => {
    let sandbox;
    let task;
    before(async () => {
      sandbox = await startSandbox();
      task = (way) => ({ entry, way, config: sandbox.config(), scope: sandbox.settings.scopes.plain });
    });
    after(() => sandbox.close());

    /** Starts the program as a worker: what it says first, and how it ends. */
    function work(way) {
      const worker = new Worker(child("work"), { workerData: task(way) });
      return { worker, said: once(worker, "message"), ended: once(worker, "exit") };
    }

    test("50 workers and the main thread, each with its own client", async () => {
      const { Client } = await import(entry);
      const client = new Client(sandbox.config());
      const source = client.source({ scope: sandbox.settings.scopes.plain });
      const token = await source.token();
      for (let started = 0; started < 50; started += 10) {
        const workers = Array.from({ length: 10 }, () => work("use"));
        for (const { said, ended } of workers) {
          assert.deepEqual(await said, [true]);
          assert.deepEqual(await ended, [0]);
        }
      }
      assert.equal(source.peek(), token.accessToken, "the main thread's client is unharmed");
      client.close();
    });

    test("workers that are terminated during a fetch", async () => {
      for (let round = 0; round < 5; round++) {
        const { worker, said } = work("hang");
        await said;
        await worker.terminate();
      }
      const again = work("use");
      assert.deepEqual(await again.said, [true]);
      assert.deepEqual(await again.ended, [0]);
    });

    test("a process that exits during a fetch ends at once", () => {
      const start = performance.now();
      const { status, signal, stderr } = spawnSync(process.execPath, [child("work"), JSON.stringify(task("exit"))], { encoding: "utf8" });
      assert.deepEqual([status, signal, stderr], [7, null, ""]);
      assert.ok(performance.now() - start < 5000, "no timer of a request, which has eight seconds, keeps it");
    });

    test("a program that has nothing left to do ends by itself, with its client open", () => {
      assert.deepEqual(run("idle", task("idle")), { token: true });
    });

    test("memory does not grow with clients, sources, tokens, errors and rotations", (t) => {
      const grown = [];
      for (let turn = 0; turn < 2; turn++) {
        const { kib, handles, tokens } = run("leak", { entry, rounds: 4000 }, ["--expose-gc"]);
        t.diagnostic(`RSS after a quarter, half, three quarters and all of ${tokens} tokens: ${kib.join(", ")} KiB`);
        assert.equal(handles, 0, "every handle of the engine was freed");
        grown.push(Math.max(kib[2], kib[3]) - kib[1]);
        if (grown.at(-1) < 8192) return;
      }
      assert.fail(`RSS grows by ${grown} KiB in each of two runs`); // a leak grows every time, a late collector does not
    });

    test("the event loop is not held up by a fetch", (t) => {
      const held = [];
      for (let turn = 0; turn < 5; turn++) {
        const { idle, bare, ours } = run("loop", { entry, config: sandbox.config(), scopes: sandbox.settings.scopes.many });
        t.diagnostic(`99th percentile of the delay: idle ${idle.toFixed(2)} ms, a bare signature and POST ${bare.toFixed(2)} ms, token() ${ours.toFixed(2)} ms`);
        held.push(ours - Math.max(idle, bare));
        if (held.at(-1) <= 2) return;
      }
      assert.fail(`token() holds it up by ${held} ms in each of five runs`); // other programs can only make it look longer
    });
  });
}
