// Runs the whole suite, from the packed tarballs and against the sandbox, in
// every JavaScript runtime, and says which case ran where:
//
//   node test/runtimes/run.mjs [runtime]... [--only <part of a case's name>]
//
// The table is printed and written to build/runtimes.md. A runtime that is not
// on this machine is named; under CI=true that is a failure.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bindings, makeProject, root } from "./project.mjs";
import { formTable } from "./table.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });

const installed = (path) => [join(here, "node_modules", path)].find(existsSync);
const onPath = (name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)).find(existsSync);

const inProcess = (name, entry, ...before) => (command, context) => runProcess(command, [...before, join(context.project, "test/runtimes/process.mjs"), name, entry], context);
const runtimes = {
  "Node native": { command: process.execPath, run: inProcess("native", "maskinporten/native") },
  "Node wasip1": { command: process.execPath, run: inProcess("wasip1", "maskinporten/wasm") },
  "Node js": { command: process.execPath, run: inProcess("js", "maskinporten/wasm-js") },
  Deno: { command: installed("@deno/linux-x64-glibc/deno"), run: inProcess("wasip1", "maskinporten", "run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-net", "--allow-read", "--allow-env", "--allow-sys") },
  Bun: { command: installed("@oven/bun-linux-x64-baseline/bin/bun"), run: inProcess("wasip1", "maskinporten") },
  "edge-light": { command: installed("@edge-runtime/vm"), run: runEdgeLight },
  workerd: { command: installed("@cloudflare/workerd-linux-64/bin/workerd"), run: runWorkerd },
  Chromium: { command: onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome"), run: runChromium },
};

async function runProcess(command, words, { input, project, tell }) {
  const child = spawn(command, [...words, input], { cwd: project, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve) => child.once("close", resolve));
  for await (const line of createInterface(child.stdout)) tell(line.startsWith("{") ? JSON.parse(line) : { name: "what it printed", outcome: "failed", why: line });
  const code = await ended;
  if (code !== 0 || said !== "") tell({ name: "how it ended", outcome: "failed", why: `${code}: ${said}` });
}

/** The wasm module, the bundled program and a folder for them. */
async function bundled(project, folder, program, conditions) {
  const { bundle } = await import("./bundle.mjs");
  const target = join(project, folder);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "main.mjs"), await bundle(join(project, "test/runtimes", program), conditions));
  writeFileSync(join(target, "maskinporten-wasip1.wasm"), readFileSync(join(project, "node_modules/maskinporten/wasm/maskinporten-wasip1.wasm")));
  return target;
}

async function runEdgeLight(_, { input, project, tell }) {
  const { bundle } = await import("./bundle.mjs");
  const { EdgeVM } = await import("@edge-runtime/vm");
  const script = await bundle(join(project, "test/runtimes/edge-light.mjs"), ["edge-light"], "iife");
  const wasmModule = new WebAssembly.Module(readFileSync(join(project, "node_modules/maskinporten/wasm/maskinporten-wasip1.wasm")));
  await new Promise((finish) => {
    const given = { wasmModule, input: readFileSync(input, "utf8"), tell: (text) => { const result = JSON.parse(text); tell(result); if (result.done) finish(); } };
    new EdgeVM({ extend: (context) => Object.assign(context, given) }).evaluate(new TextDecoder().decode(script));
  });
}

async function runWorkerd(command, { input, project, tell }) {
  const { startWorkerd } = await import("./workerd.mjs");
  const folder = await bundled(project, "workerd", "worker.mjs", ["workerd", "worker", "browser"]);
  const worker = await startWorkerd(command, folder, [{ name: "suite", modules: ["main.mjs", "maskinporten-wasip1.wasm"] }]);
  const url = worker.urls.suite;
  try {
    const times = [];
    for (let i = 0; i < 5; i++) {
      const begin = performance.now();
      await (await fetch(url)).text();
      times.push(performance.now() - begin);
    }
    tell({ startMs: times[0] - Math.min(...times) }); // a Worker's own clock stands still while it computes
    const answer = await fetch(url, { method: "POST", body: readFileSync(input) });
    let rest = "";
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) tell(JSON.parse(line));
    }
  } finally {
    await worker.close();
  }
  await runWorkerExample(command, { input, project, tell });
}

/** The example of a Worker, as two isolates that share a KV namespace. */
async function runWorkerExample(command, { input, project, tell }) {
  const { startWorkerd } = await import("./workerd.mjs");
  const { exampleCases } = await import("./worker-example.mjs");
  const folder = await bundled(project, "worker-example", "../../examples/worker/worker.mjs", ["workerd", "worker", "browser"]);
  writeFileSync(join(folder, "kv.mjs"), readFileSync(join(here, "kv.mjs")));
  const { fixtures } = JSON.parse(readFileSync(input, "utf8"));
  await exampleCases((bindings) => {
    const modules = ["main.mjs", "maskinporten-wasip1.wasm"];
    const date = "2024-01-01"; // Workers had no FinalizationRegistry and no WeakRef then
    return startWorkerd(command, folder, [{ name: "one", modules, date, bindings }, { name: "two", modules, date, bindings }, { name: "kv", modules: ["kv.mjs"] }]);
  }, fixtures, tell);
}

async function runChromium(command, { input, project, tell }) {
  const { runPage } = await import("./chromium.mjs");
  const folder = await bundled(project, "page", "page.mjs", ["browser"]);
  const wasm = { type: "application/wasm", body: readFileSync(join(folder, "maskinporten-wasip1.wasm")) };
  const content = JSON.parse(readFileSync(input, "utf8"));
  const { settings } = content.fixtures;
  const { origin: sandbox } = new URL(settings.token_endpoint);
  const files = new Map([
    ["/", { type: "text/html", body: '<!doctype html><meta charset="utf-8"><title>suite</title><script type="module" src="/src/main.mjs"></script>' }],
    ["/favicon.ico", { type: "image/x-icon", body: "" }],
    ["/src/main.mjs", { type: "text/javascript", body: readFileSync(join(folder, "main.mjs")) }],
    ["/wasm/maskinporten-wasip1.wasm", wasm],
  ]);
  const prepare = (origin) => {
    const here = JSON.parse(JSON.stringify(settings).replaceAll(sandbox, origin));
    content.fixtures.settings = { ...here, issuer: settings.issuer }; // the audience of a grant stays what it is
    files.set("/input.json", { type: "application/json", body: JSON.stringify(content) });
  };
  await runPage(command, files, sandbox, prepare, (result) => {
    tell(result);
    return result.done === true;
  });
}

const project = makeProject(["jose"]);
process.env.MASKINPORTEN_BUILD ??= join(root, "build");
process.env.MASKINPORTEN_COMMAND ??= join(root, "build/maskinporten");
const { readVectors, startFixtures } = await import(join(project, "test/fixtures.mjs"));
const vectors = readVectors(process.env.MASKINPORTEN_VECTORS || join(root, "core/testdata/vectors"));

/** Everything that one runtime says of itself, with a sandbox of its own. */
async function runOne(name) {
  const { command, run } = runtimes[name];
  const report = { name, results: [], startMs: undefined };
  if (!command) return { ...report, missing: true };
  const { fixtures, close } = await startFixtures();
  const input = join(project, `input-${name.replace(" ", "-")}.json`);
  writeFileSync(input, JSON.stringify({ fixtures, vectors, only: values.only }));
  let done = false;
  const tell = (result) => {
    if (result.done) done = true;
    else if (result.startMs !== undefined) report.startMs = result.startMs;
    else report.results.push(result);
  };
  const begin = performance.now();
  try {
    await run(command, { input, project, tell });
  } catch (error) {
    tell({ name: "the runner", outcome: "failed", why: String(error?.stack ?? error) });
  } finally {
    await close();
  }
  if (!done) tell({ name: "the end of the suite", outcome: "failed", why: "it was not reached" });
  console.log(`${name}: ${report.results.length} results in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return report;
}

const wanted = positionals.length > 0 ? positionals : Object.keys(runtimes);
const waiting = [...wanted];
const reports = [];
async function work() {
  for (let name; (name = waiting.shift()); ) reports.push(await runOne(name));
}
await Promise.all([work(), work(), work()]); // they wait more than they compute
reports.sort((a, b) => wanted.indexOf(a.name) - wanted.indexOf(b.name));

const { text, failures, missing } = formTable(reports);
writeFileSync(join(root, "build/runtimes.md"), text);
console.log(text);
for (const failure of failures) console.log(failure);
if (missing.length > 0) console.log(`not on this machine: ${missing.join(", ")}`);
process.exitCode = failures.length > 0 || (missing.length > 0 && process.env.CI === "true") ? 1 : 0;
