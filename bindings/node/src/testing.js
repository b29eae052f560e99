// A Maskinporten of one's own for tests: the sandbox of the maskinporten
// command, started and controlled from Node.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { platformPackage } from "./engine-native.js";

const require = createRequire(import.meta.url);

/** Where the command is: as told, in the platform package, or on the PATH. */
function commandPath() {
  if (process.env.MASKINPORTEN_COMMAND) return process.env.MASKINPORTEN_COMMAND;
  try {
    return join(dirname(require.resolve(`${platformPackage()}/package.json`)), process.platform === "win32" ? "maskinporten.exe" : "maskinporten");
  } catch {
    return "maskinporten";
  }
}

export async function startSandbox({ command = commandPath(), listen } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "maskinporten-sandbox-"));
  const options = ["sandbox", "--out", folder, "--until-stdin-closes", ...(listen ? ["--listen", listen] : [])];
  const child = spawn(command, options, { stdio: "pipe" });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await Promise.race([lines.next().then(({ value }) => value), ended]);
  if (!first?.startsWith("ready ")) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`the sandbox did not start: ${command}: ${first ?? (await ended)}\n${said}`.trim());
  }
  return new Sandbox(folder, child, ended);
}

/** The names of a JSON text in this language's case. */
const camel = (_name, value) =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).map(([name, member]) => [name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()), member]));

/** The other way round, for the members of a fault. */
const snake = (fault) =>
  Object.fromEntries(Object.entries(fault).map(([name, member]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), member]));

class Sandbox {
  #folder;
  #child;
  #ended;
  #forget;

  constructor(folder, child, ended) {
    this.#folder = folder;
    this.#child = child;
    this.#ended = ended;
    this.settings = JSON.parse(readFileSync(join(folder, "settings.json"), "utf8"), camel);
    // A program that forgets to close its sandbox ends all the same, and the sandbox with it.
    this.#each("unref");
    this.#forget = () => rmSync(folder, { recursive: true, force: true });
    process.once("exit", this.#forget);
  }

  get folder() {
    return this.#folder;
  }

  get environment() {
    const { issuer, tokenEndpoint, metadataUrl, customsTokenEndpoint, customsTestAuth } = this.settings;
    return { issuer, tokenEndpoint, metadataUrl, customsTokenEndpoint, customsTestAuth, allowLoopbackHttp: true };
  }

  get env() {
    const { issuer, tokenEndpoint, metadataUrl, customsTokenEndpoint, clientId, keyJwk } = this.settings;
    return {
      MASKINPORTEN_CLIENT_ID: clientId,
      MASKINPORTEN_CLIENT_JWK: readFileSync(keyJwk, "utf8"),
      MASKINPORTEN_ISSUER: issuer,
      MASKINPORTEN_TOKEN_ENDPOINT: tokenEndpoint,
      MASKINPORTEN_WELL_KNOWN_URL: metadataUrl,
      MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT: customsTokenEndpoint,
      MASKINPORTEN_ALLOW_LOOPBACK_HTTP: "true",
    };
  }

  config(more = {}) {
    const { clientId, keyPem, kid } = this.settings;
    return { environment: this.environment, clientId, key: { pem: readFileSync(keyPem, "utf8"), kid }, ...more };
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.settings.control}/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async requests(path = "/token") {
    const { requests } = await this.control("GET", "journal");
    return requests.filter((request) => request.path === path).map((request) => camel("", request));
  }

  async faults(...faults) {
    await this.control("PUT", "faults", faults.map(snake));
  }

  async clock(offsetSeconds) {
    await this.control("PUT", "clock", { offset_seconds: offsetSeconds });
  }

  async reset() {
    await this.faults();
    await this.clock(0);
    await this.control("DELETE", "journal");
  }

  async close() {
    this.#each("ref");
    this.#child.stdin.end();
    await this.#ended;
    this.#forget();
    process.off("exit", this.#forget);
  }

  #each(method) {
    for (const held of [this.#child, ...this.#child.stdio]) held[method]();
  }
}

if (Symbol.asyncDispose) Sandbox.prototype[Symbol.asyncDispose] = Sandbox.prototype.close;
