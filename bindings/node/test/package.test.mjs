// The package itself: what is in it, which engine it chooses, and what it says
// when the native part cannot be used.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));
const manifest = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
const native = "maskinporten-linux-x64";
const platforms = ["linux-x64", "linux-arm64", "win32-x64"];

describe("package", () => {
  test("no dependencies, no scripts, the native part optional in the same version", () => {
    const { dependencies, devDependencies, scripts, optionalDependencies, version } = manifest("maskinporten");
    assert.deepEqual({ dependencies, devDependencies, scripts, optionalDependencies }, { dependencies: undefined, devDependencies: undefined, scripts: undefined, optionalDependencies: Object.fromEntries(platforms.map((platform) => [`maskinporten-${platform}`, version])) });
    const { os, cpu, libc, scripts: none, version: same } = manifest(native);
    assert.deepEqual({ os, cpu, libc, none, same }, { os: ["linux"], cpu: ["x64"], libc: ["glibc"], none: undefined, same: version });
  });

  test("every export is there, with its types", () => {
    for (const [name, target] of Object.entries(manifest("maskinporten").exports)) {
      for (const path of typeof target === "string" ? [target] : Object.values(target)) {
        assert.ok(readFileSync(join(modules, "maskinporten", path)).length > 0, `${name}: ${path}`);
      }
    }
  });

  const tarballs = readdirSync(join(process.env.MASKINPORTEN_BUILD, "packages")).filter((name) => /^maskinporten-.*\.tgz$/.test(name));
  const tool = (path, ...options) => spawnSync(process.execPath, [join(modules, path), ...options], { encoding: "utf8", cwd: join(process.env.MASKINPORTEN_BUILD, "packages"), env: { ...process.env, NO_COLOR: "1" } });
  for (const tarball of tarballs) {
    test(`publint has nothing to say of ${tarball}`, () => {
      const { status, stdout } = tool("publint/src/cli.js", tarball, "--strict");
      assert.equal(status, 0, stdout);
      assert.match(stdout, /All good!/);
    });
  }

  test("the types are right wherever ES modules are", () => {
    const tarball = tarballs.find((name) => /^maskinporten-\d/.test(name));
    const { status, stdout } = tool("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only", "--no-emoji", "--format", "json");
    const { analysis } = JSON.parse(stdout);
    assert.equal(status, 0, stdout);
    assert.deepEqual(Object.keys(analysis.entrypoints).sort(), Object.keys(manifest("maskinporten").exports).sort());
  });

  test("nothing in it names a folder of the machine that built it", () => {
    const folders = [realpathSync(process.env.MASKINPORTEN_BUILD), process.env.HOME].filter((path) => path?.length > 5);
    for (const name of ["maskinporten", native]) {
      for (const file of readdirSync(join(modules, name), { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const content = readFileSync(join(file.path ?? file.parentPath, file.name), "latin1");
        for (const folder of folders) assert.ok(!content.includes(folder), `${name}: ${file.name} has ${folder}`);
      }
    }
  });
});

describe("which engine", { timeout: 60_000 }, () => {
  let project;
  before(() => {
    project = mkdtempSync(join(tmpdir(), "maskinporten-engines-"));
    cpSync(join(modules, "maskinporten"), join(project, "node_modules/maskinporten"), { recursive: true });
    writeFileSync(join(project, "package.json"), '{"type": "module"}');
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  /** Puts a native package there, with these changes to a good one. */
  function install(name = native, change = () => {}) {
    const folder = join(project, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(join(modules, native))) cpSync(join(modules, native, file), join(folder, file));
    change(folder);
  }

  /** "engine" or "code: message" of a client in a new process. */
  function outcome(entry, env = {}) {
    const script = `
      import { Client } from ${JSON.stringify(entry)};
      try {
        console.log(new Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).engine);
      } catch (error) {
        console.log(error.code + ": " + error.message);
      }`;
    writeFileSync(join(project, "main.mjs"), script);
    const result = spawnSync(process.execPath, ["main.mjs"], { cwd: project, encoding: "utf8", env: { ...process.env, ...env } });
    for (const entryOfCase of [native, "maskinporten-darwin-arm64"]) rmSync(join(project, "node_modules", entryOfCase), { recursive: true, force: true });
    assert.equal(result.stderr, "");
    return result.stdout.trim();
  }

  test("native where it fits, by default", () => {
    install();
    assert.equal(outcome("maskinporten"), "native");
  });

  test("WebAssembly without the platform package", () => {
    assert.equal(outcome("maskinporten"), "wasip1");
    assert.equal(outcome("maskinporten/wasm"), "wasip1");
    assert.equal(outcome("maskinporten/wasm-js"), "js");
  });

  const rewrite = (file, from, to) => (folder) => writeFileSync(join(folder, file), readFileSync(join(folder, file), "utf8").replace(from, to));
  const library = readdirSync(join(modules, native)).find((name) => name.startsWith("libmaskinporten"));
  const cases = [
    ["it is not installed", () => {}, {}, /not installed.*--omit=optional/],
    ["it is that of another platform", () => install("maskinporten-darwin-arm64"), {}, /maskinporten-darwin-arm64 is installed.*needs maskinporten-linux-x64.*do not copy node_modules/],
    ["it has another version", () => install(native, rewrite("package.json", /"version": "[^"]+"/, '"version": "0.0.1"')), {}, /has version 0\.0\.1/],
    ["its library is missing", () => install(native, (folder) => rmSync(join(folder, library))), {}, /not beside the addon/],
    ["its addon is missing", () => install(native, (folder) => rmSync(join(folder, "maskinporten.node"))), {}, /addon is missing/],
    ["its addon is for another processor", () => install(native, (folder) => writeFileSync(join(folder, "maskinporten.node"), "\x7fELF not really")), {}, /another processor/],
    ["the path given leads nowhere", () => {}, { MASKINPORTEN_NATIVE: "/nowhere/maskinporten.node" }, /addon is missing/],
  ];
  for (const [name, arrange, env, message] of cases) {
    test(`native says why not: ${name}`, () => {
      arrange();
      const said = outcome("maskinporten/native", env);
      assert.match(said, /^engine_unavailable: /);
      assert.match(said, message);
      arrange();
      assert.equal(outcome("maskinporten", env), "wasip1", "and the default falls back");
    });
  }

  test("an addon of one's own, by path", () => {
    assert.equal(outcome("maskinporten/native", { MASKINPORTEN_NATIVE: join(modules, native, "maskinporten.node") }), "native");
  });

  test("other runtimes fetch the module while they import the package", () => {
    const script = `
      import { readFileSync } from "node:fs";
      globalThis.fetch = async (url) => new Response(readFileSync(url), { headers: { "content-type": "application/wasm" } });
      const { Client } = await import("./node_modules/maskinporten/src/wasm-fetched.js");
      console.log(new Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).source({ scope: "a:b" }).key.length);`;
    writeFileSync(join(project, "fetched.mjs"), script);
    assert.equal(execFileSync(process.execPath, ["fetched.mjs"], { cwd: project, encoding: "utf8" }).trim(), "64");
  });
});

describe("copies", { timeout: 60_000 }, () => {
  let project;
  before(() => {
    project = mkdtempSync(join(tmpdir(), "maskinporten-copies-"));
    for (const copy of ["one", "two"]) {
      for (const name of ["maskinporten", native]) cpSync(join(modules, name), join(project, copy, "node_modules", name), { recursive: true });
    }
    writeFileSync(join(project, "package.json"), '{"type": "module"}');
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  /** Runs a program in the folder: what it prints. */
  function output(program, ...options) {
    writeFileSync(join(project, "main.mjs"), program);
    const { status, stdout, stderr } = spawnSync(process.execPath, [...options, "main.mjs"], { cwd: project, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    return stdout.trim();
  }

  for (const entry of ["native", "wasm", "wasm-js"]) {
    test(`two copies in one program each have their own errors: ${entry}`, () => {
      const said = output(`
        import * as one from "./one/node_modules/maskinporten/src/${entry}.js";
        import * as two from "./two/node_modules/maskinporten/src/${entry}.js";
        const own = ({ Client, MaskinportenError }) => {
          try {
            new Client({ environment: "ver2", clientId: "", signer: { kid: "k", sign() {} } });
          } catch (error) {
            return error instanceof MaskinportenError;
          }
        };
        console.log([one, two, one].map(own).join(), one.MaskinportenError !== two.MaskinportenError);
        const source = ({ Client }) => new Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).source({ scope: "a:b" });
        console.log(source(one).key === source(two).key, Reflect.ownKeys(globalThis).filter((name) => name === "Go").length);`);
      assert.equal(said, "true,true,true true\ntrue 0");
    });
  }

  test("import and require give one and the same", { skip: !process.features.require_module && "this Node cannot require ES modules" }, () => {
    const said = output(`
      import { createRequire } from "node:module";
      import { Client } from "./one/node_modules/maskinporten/src/node.js";
      console.log(createRequire(new URL("one/", import.meta.url))("maskinporten").Client === Client);`);
    assert.equal(said, "true");
  });

  test("a copy whose addon was loaded from elsewhere, in two workers at once", () => {
    const said = output(`
      import { Worker } from "node:worker_threads";
      const code = (copy) => \`import("./\${copy}/node_modules/maskinporten/src/native.js").then(({ Client }) => console.log(new Client({ environment: "test", clientId: "x", signer: { kid: "k", sign() {} } }).engine))\`;
      for (const copy of ["one", "two"]) new Worker(code(copy), { eval: true });`);
    assert.deepEqual(said.split("\n"), ["native", "native"]);
  });
});
