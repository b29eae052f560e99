// The four WebAssembly builds: what they import and export, what they make of
// nonsense, and what the engine does when one of them breaks.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, createSign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { startSandbox } from "./sandbox.mjs";
import { builds, bytesOf, give, handleIn, hostSigns, internal, limited, moduleOf, start, take } from "./wasm-abi.mjs";

const { bind } = await internal("bind.js");
const { WasmEngine } = await internal("engine-wasm.js");

const verbs = `abi_version alloc client_events client_free client_new client_rotate client_status flow_failed flow_free flow_loaded flow_new flow_perform
  flow_next flow_received flow_saved flow_signed free key_generate key_read lease_epoch live_handles source_free source_invalidate source_key source_new source_peek`.split(/\s+/).map((verb) => `mp_${verb}`);
const diagnosis = ["mp_certificate_read", "mp_diagnose"]; // they read certificates: full builds only
const wasiImports = `args_get args_sizes_get clock_time_get environ_get environ_sizes_get fd_fdstat_get
  fd_fdstat_set_flags fd_prestat_dir_name fd_prestat_get fd_write poll_oneoff proc_exit random_get sched_yield`.split(/\s+/);
const fullOnly = ["fd_close", "fd_read", "path_filestat_get", "path_open"]; // crypto/x509 can read trusted roots; there are no files here
const goImports = `runtime.clearTimeoutEvent runtime.getRandomData runtime.nanotime1 runtime.resetMemoryDataView
  runtime.scheduleTimeoutEvent runtime.walltime runtime.wasmExit runtime.wasmWrite
  syscall/js.finalizeRef syscall/js.stringVal syscall/js.valueCall syscall/js.valueGet
  syscall/js.valueIndex syscall/js.valueLength syscall/js.valueLoadString syscall/js.valueNew
  syscall/js.valuePrepareString syscall/js.valueSet syscall/js.valueSetIndex`.split(/\s+/);
const copying = ["syscall/js.copyBytesToGo", "syscall/js.copyBytesToJS"];

const pinned = {
  wasip1: ["wasi_snapshot_preview1", [...wasiImports, ...fullOnly].sort(), ["_initialize", "memory"]],
  "wasip1-host-signs": ["wasi_snapshot_preview1", wasiImports, ["_initialize", "memory"]],
  js: ["gojs", [...goImports, ...copying].sort(), ["getsp", "mem", "resume", "run"]],
  "js-host-signs": ["gojs", goImports, ["getsp", "mem", "resume", "run"]],
};

for (const build of builds) {
  describe(build, { timeout: 60_000 }, () => {
    const module = moduleOf(build);

    test("imports and exports are pinned", () => {
      const [from, names, own] = pinned[build];
      const imports = WebAssembly.Module.imports(module);
      assert.deepEqual([...new Set(imports.map((one) => one.module))], [from]);
      assert.deepEqual([...new Set(imports.map(({ name }) => name))].sort(), names);
      assert.deepEqual(WebAssembly.Module.exports(module).map(({ name }) => name).sort(), [...own, ...verbs, ...(build.endsWith("host-signs") ? [] : diagnosis)].sort());
    });

    test("a pointer or a length that is not the host's is an error, never a trap", () => {
      const instance = start(build, module);
      const { exports } = instance;
      const [block, length] = give(instance, "0123456789");
      const large = exports.mp_alloc(16 << 20) >>> 0;
      const hostile = [[0, 5], [1, 1], [0xfffffff0, 100], [0x7fffffff, -1], [block, length + 1], [block, -1], [block, 0x7fffffff], [block + 1, 1], [large, (4 << 20) + 1]];
      const calls = {
        mp_client_new: (...bytes) => exports.mp_client_new(...bytes),
        mp_source_new: (...bytes) => exports.mp_source_new(1n, ...bytes),
        mp_source_invalidate: (...bytes) => exports.mp_source_invalidate(1n, ...bytes),
        mp_flow_signed: (...bytes) => exports.mp_flow_signed(1n, ...bytes),
        mp_flow_failed: (...bytes) => exports.mp_flow_failed(1n, ...bytes),
        "mp_flow_received, head": (...bytes) => exports.mp_flow_received(1n, ...bytes, block, length),
        "mp_flow_received, body": (...bytes) => exports.mp_flow_received(1n, block, length, ...bytes),
        mp_key_read: (...bytes) => exports.mp_key_read(...bytes),
        mp_key_generate: (...bytes) => exports.mp_key_generate(...bytes),
      };
      if (!build.endsWith("host-signs")) {
        calls.mp_certificate_read = (...bytes) => exports.mp_certificate_read(...bytes);
        calls["mp_diagnose, config"] = (...bytes) => exports.mp_diagnose(...bytes, block, length);
        calls["mp_diagnose, request"] = (...bytes) => exports.mp_diagnose(block, length, ...bytes);
      }
      for (const [verb, call] of Object.entries(calls)) {
        for (const bytes of hostile) {
          const { status, text } = take(instance, call(...bytes));
          assert.equal(status, 1001, `${verb}(${bytes})`);
          assert.equal(JSON.parse(text).code, "invalid_argument");
        }
      }
      for (const address of [0, 1, -1, block + 1, 0x7fffffff]) exports.mp_free(address);
      exports.mp_free(block);
      exports.mp_free(block);
      assert.equal(take(instance, exports.mp_client_new(block, length)).status, 1001, "a freed block is gone");
      for (const size of [0, -1, (16 << 20) + 1, 0x7fffffff]) assert.equal(exports.mp_alloc(size), 0);
      assert.equal(take(instance, exports.mp_client_new(...give(instance, hostSigns))).status, 0, "and the instance still works");
      instance.stop();
    });

    test("a handle that is not live, or of another kind, is an error", () => {
      const instance = start(build, module);
      const { exports } = instance;
      const client = handleIn(take(instance, exports.mp_client_new(...give(instance, hostSigns))));
      const source = handleIn(take(instance, exports.mp_source_new(client, ...give(instance, '{"scopes":["a:b"]}'))));
      const flow = handleIn(take(instance, exports.mp_flow_new(source)));
      assert.equal(new Set([client, source, flow, 0n]).size, 4);
      const text = give(instance, "{}");
      const status = (packed) => take(instance, packed).status;
      for (const wrong of [1n, -1n, 1n << 63n, client, flow]) {
        for (const packed of [exports.mp_source_key(wrong), exports.mp_source_peek(wrong), exports.mp_flow_new(wrong), exports.mp_source_invalidate(wrong, ...text)]) {
          assert.equal(status(packed), 1005);
        }
      }
      for (const wrong of [0n, source, flow + 1n]) {
        assert.equal(status(exports.mp_flow_next(wrong)), 1005);
        assert.equal(status(exports.mp_flow_received(wrong, ...text, ...text)), 1005, "head and body may be one block");
      }
      for (const free of [exports.mp_client_free, exports.mp_source_free, exports.mp_flow_free]) assert.equal(status(free(0n)), 0);
      assert.equal(status(exports.mp_flow_free(flow)), 0);
      assert.equal(status(exports.mp_flow_free(flow)), 1005);
      assert.equal(status(exports.mp_source_peek(source)), 1007, "no token yet");
      assert.equal(status(exports.mp_client_free(client)), 0);
      assert.equal(status(exports.mp_source_new(client, ...text)), 1005);
      instance.stop();
    });

    test("memory does not grow with use", () => {
      const instance = start(build, module);
      const { exports } = instance;
      const client = handleIn(take(instance, exports.mp_client_new(...give(instance, hostSigns))));
      const round = () => {
        const [address, length] = give(instance, '{"scopes":["a:b"]}');
        const source = handleIn(take(instance, exports.mp_source_new(client, address, length)));
        exports.mp_free(address);
        const flow = handleIn(take(instance, exports.mp_flow_new(source)));
        take(instance, exports.mp_flow_next(flow));
        take(instance, exports.mp_flow_free(flow));
        take(instance, exports.mp_source_free(source));
      };
      for (let i = 0; i < 3000; i++) round();
      const settled = instance.memory.buffer.byteLength;
      for (let i = 0; i < 12_000; i++) round();
      assert.ok(instance.memory.buffer.byteLength <= settled * 1.25, `${settled} -> ${instance.memory.buffer.byteLength}`);
      instance.stop();
    });
  });
}

/** Both clocks, standing still but for what `passes` lets pass. */
function ownClock(t) {
  const [realDate, realPerformance] = [Date.now, performance.now];
  let [wall, monotonic] = [Date.now(), performance.now()];
  Date.now = () => wall;
  performance.now = () => monotonic;
  t.after(() => {
    Date.now = realDate;
    performance.now = realPerformance;
  });
  return (ms) => {
    wall += ms;
    monotonic += ms;
  };
}

/** A token of a kilobyte, fetched for that source. */
function fetchToken(engine, source, life) {
  const flow = engine.flowNew(source);
  assert.equal(JSON.parse(engine.flowNext(flow)).step, "sign");
  engine.flowSigned(flow, new Uint8Array(256));
  assert.equal(JSON.parse(engine.flowNext(flow)).step, "send");
  const answer = { access_token: `${flow}${"t".repeat(1000)}`, token_type: "Bearer", expires_in: life };
  engine.flowReceived(flow, '{"status":200}', new TextEncoder().encode(JSON.stringify(answer)));
  assert.equal(JSON.parse(engine.flowNext(flow)).step, "done");
  engine.flowFree(flow);
}

test("P17: 100,000 grants are built in 16 MiB, and for the second half nothing is added", { timeout: 180_000 }, (t) => {
  const passes = ownClock(t);
  let instance;
  const engine = new WasmEngine("wasip1", () => (instance = start("wasip1")));
  const client = engine.clientNew(hostSigns);
  const source = engine.sourceNew(client, '{"scopes":["a:b"]}');
  const sizes = [];
  for (let i = 0; i < 100_000; i++) {
    if (i % 50_000 === 0) sizes.push(instance.memory.buffer.byteLength);
    passes(1000); // so that the limit of requests to an endpoint is not met
    const flow = engine.flowNew(source);
    assert.equal(JSON.parse(engine.flowNext(flow)).step, "sign");
    engine.flowFree(flow);
  }
  sizes.push(instance.memory.buffer.byteLength);
  assert.equal(sizes[2], sizes[1], "it has grown");
  assert.ok(sizes[2] <= 16 << 20, `${sizes[2]} bytes`);
});

test("10,000 keys in a cache of 1,000 take 16 MiB", { timeout: 60_000 }, (t) => {
  const passes = ownClock(t);
  let instance;
  const engine = new WasmEngine("wasip1", () => (instance = start("wasip1")));
  const client = engine.clientNew(JSON.stringify({ ...JSON.parse(hostSigns), cache_limit: 1000 }));
  for (let i = 0; i < 10_000; i++) {
    passes(100); // so that the limit of requests to an endpoint is not met
    const source = engine.sourceNew(client, JSON.stringify({ scopes: [`a:${i}`] }));
    fetchToken(engine, source, 3600);
    engine.sourceFree(source);
  }
  assert.equal(JSON.parse(engine.clientStatus(client)).tokens, 1000);
  assert.ok(instance.memory.buffer.byteLength <= 16 << 20, `${instance.memory.buffer.byteLength} bytes`);
});

test("the modules weigh at most 2 % more than was recorded, and what was promised", () => {
  const recorded = JSON.parse(readFileSync(join(process.env.MASKINPORTEN_BUILD, "../wasm/sizes.json"), "utf8"));
  for (const build of builds) {
    const size = gzipSync(bytesOf(build), { level: 9 }).length;
    const { [build]: before } = recorded;
    assert.ok(size <= before * 1.02, `${build} has grown from ${before} to ${size} bytes: make it smaller, or say why it must be and record it in wasm/sizes.json`);
    assert.ok(size <= (build.endsWith("host-signs") ? 950_000 : 1_900_000), `${build} has ${size} bytes`);
  }
});

test("wasm_exec.js is that of the Go that built the modules", () => {
  const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const { status, stdout } = spawnSync(process.env.GO || "go", ["env", "GOROOT"], { encoding: "utf8" });
  assert.equal(status, 0, "there is no go command");
  const original = digest(join(stdout.trim(), "lib/wasm/wasm_exec.js"));
  assert.equal(digest(join(process.env.MASKINPORTEN_BUILD, "wasm_exec.js")), original);
  assert.equal(digest(fileURLToPath(new URL("../node_modules/maskinporten/wasm/wasm_exec.js", import.meta.url))), original);
});

test("a reactor must be initialised, which the loader does", () => {
  const module = moduleOf("wasip1");
  const imports = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 0]));
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports });
  assert.throws(() => exports.mp_alloc(1), WebAssembly.RuntimeError);
  assert.equal(start("wasip1", module).exports.mp_abi_version(), 1);
});

describe("the engine", { timeout: 60_000 }, () => {
  let sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());

  /** A signer of one's own, which every build can use. */
  const signing = () => ({ key: undefined, signer: { kid: sandbox.settings.kid, sign: (bytes) => createSign("RSA-SHA256").update(bytes).sign(sandbox.keyPEM) } });

  for (const build of builds) {
    test(`${build}: the main job with a signer of one's own`, async () => {
      const module = moduleOf(build);
      const { Client } = bind(() => new WasmEngine(build, () => start(build, module)));
      const client = new Client(sandbox.config(signing()));
      const source = client.source({ scope: sandbox.settings.scopes.customs, exchange: "customs" });
      assert.equal((await source.fetch(sandbox.settings.customs_test_auth)).status, 200);
      client.close();
      if (build.endsWith("host-signs")) assert.throws(() => new Client(sandbox.config()), { code: "invalid_key", message: /host signs/ });
    });

    test(`${build}: an instance that traps is replaced, and its clients go on`, async () => {
      const module = moduleOf(build);
      const instances = [];
      const engine = new WasmEngine(build, () => {
        instances.push(start(build, module));
        return instances.at(-1);
      });
      const { Client } = bind(() => engine);
      const client = new Client(sandbox.config(signing()));
      const source = client.source({ scope: sandbox.settings.scopes.plain });
      const first = await source.token();
      // Go's own memory in ruins: the next call runs into it.
      new Uint8Array(instances[0].memory.buffer).fill(0xff);
      await assert.rejects(source.token(), (error) => error.code === "internal" && error.cause instanceof Error);
      const second = await source.token();
      assert.notEqual(second.accessToken, first.accessToken);
      assert.equal(source.peek(), second.accessToken);
      assert.equal(instances.length, 2);
      client.close();
    });
  }

  test("two instances share a signer and a fetch", async () => {
    const module = moduleOf("wasip1");
    const hooks = signing();
    const clients = [1, 2].map(() => {
      const engine = new WasmEngine("wasip1", () => start("wasip1", module));
      return new (bind(() => engine).Client)(sandbox.config(hooks));
    });
    await sandbox.reset();
    const tokens = await Promise.all(clients.map((client) => client.source({ scope: sandbox.settings.scopes.plain }).token()));
    assert.notEqual(tokens[0].accessToken, tokens[1].accessToken);
    const jtis = (await sandbox.requests()).map(({ jti }) => jti);
    assert.equal(new Set(jtis).size, 2);
    for (const client of clients) client.close();
  });

  test("a host that calls an export from within an import gets an answer or an error, and the next call works", () => {
    const module = moduleOf("wasip1-host-signs");
    const engine = new WasmEngine("wasip1", () => start("wasip1", module));
    const open = () => engine.sourceNew(engine.clientNew(hostSigns), '{"scopes":["a:b"]}');
    const source = open();
    const original = crypto.getRandomValues;
    let entered = 0;
    crypto.getRandomValues = function (array) {
      if (entered++ === 0) engine.sourceKey(source);
      return original.call(crypto, array);
    };
    try {
      assert.equal(JSON.parse(engine.flowNext(engine.flowNew(source))).step, "sign");
    } catch (error) {
      assert.equal(error.code, "internal");
    } finally {
      delete crypto.getRandomValues; // the prototype has it
    }
    assert.ok(entered > 0);
    assert.equal(JSON.parse(engine.flowNext(engine.flowNew(open()))).step, "sign");
  });

  test("an instance that has become large is replaced when no flow runs", async () => {
    const module = moduleOf("wasip1");
    let started = 0;
    const engine = new WasmEngine("wasip1", () => (started++, start("wasip1", module)), 1);
    const { Client } = bind(() => engine);
    const client = new Client(sandbox.config(signing()));
    const source = client.source({ scope: sandbox.settings.scopes.plain });
    const tokens = [await source.token(), await source.token()];
    assert.notEqual(tokens[0].accessToken, tokens[1].accessToken);
    assert.equal(source.peek(), undefined);
    assert.equal(started, 3);
    client.close();
  });

  test("what nobody holds any more is freed in the engine", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    const module = moduleOf("wasip1");
    const freed = { sources: 0, clients: 0 };
    class Counting extends WasmEngine {
      sourceFree(source) {
        super.sourceFree(source);
        freed.sources++;
      }
      clientFree(client) {
        super.clientFree(client);
        freed.clients++;
      }
    }
    const engine = new Counting("wasip1", () => start("wasip1", module));
    const { Client } = bind(() => engine);
    (() => {
      const client = new Client(sandbox.config(signing()));
      for (let i = 0; i < 100; i++) client.source({ scope: `a:${i}` });
      client.source({ scope: "a:b" }).close();
    })();
    while (freed.sources < 101 || freed.clients < 1) {
      collect();
      await new Promise(setImmediate); // finalizers run between turns
    }
    assert.deepEqual(freed, { sources: 101, clients: 1 });
  });

  test("F87: where memory cannot grow, the call fails with an error and the next one has a new instance", async () => {
    const free = start("wasip1");
    const pages = free.memory.buffer.byteLength / 65536;
    free.stop();
    const module = new WebAssembly.Module(limited(bytesOf("wasip1"), pages + 16));
    let started = 0;
    const engine = new WasmEngine("wasip1", () => (started++, start("wasip1", module)));
    const { Client } = bind(() => engine);
    const client = new Client(sandbox.config(signing()));
    const source = client.source({ scope: sandbox.settings.scopes.plain });
    const token = await source.token();
    const large = { scope: "x:y", extraClaims: { large: "x".repeat(3 << 20) } };
    assert.throws(() => client.source(large), { name: "MaskinportenError", code: "internal" });
    assert.equal(source.peek(), undefined, "the cache went with its instance");
    assert.notEqual((await source.token()).accessToken, token.accessToken);
    assert.equal(started, 2);
    client.close();
  });

  test("an input over the limit is refused and costs nothing", async () => {
    const module = moduleOf("wasip1");
    const { Client } = bind(() => new WasmEngine("wasip1", () => start("wasip1", module)));
    for (const size of [5, 17]) assert.throws(() => new Client(sandbox.config({ clientId: "x".repeat(size << 20) })), { code: "invalid_argument", message: /4 MiB/ });
    new Client(sandbox.config(signing())).close();
  });

  test("Go's globals are not left behind, and nothing is printed", () => {
    const child = fileURLToPath(new URL("children/globals.mjs", import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [child], { encoding: "utf8" });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });
});
