// A Maskinporten of one's own for a test file: the sandbox command, its
// settings, its journal and its faults.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export async function startSandbox() {
  const folder = mkdtempSync(join(tmpdir(), "maskinporten-sandbox-"));
  const child = spawn(process.env.MASKINPORTEN_COMMAND, ["sandbox", "--out", folder, "--until-stdin-closes"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  const first = await Promise.race([createInterface(child.stdout)[Symbol.asyncIterator]().next(), ended]);
  if (!first?.value?.startsWith("ready ")) throw new Error(`the sandbox did not start: ${first?.value ?? first}\n${said}`);
  return new Sandbox(folder, child, ended);
}

class Sandbox {
  #child;
  #ended;

  constructor(folder, child, ended) {
    this.folder = folder;
    this.settings = JSON.parse(readFileSync(join(folder, "settings.json"), "utf8"));
    this.keyPEM = readFileSync(this.settings.key_pem, "utf8");
    this.keyJWK = readFileSync(this.settings.key_jwk, "utf8");
    this.#child = child;
    this.#ended = ended;
  }

  get environment() {
    const { issuer, token_endpoint, customs_token_endpoint } = this.settings;
    return { issuer, tokenEndpoint: token_endpoint, customsTokenEndpoint: customs_token_endpoint, allowLoopbackHttp: true };
  }

  /** The configuration of the client whose key is registered. */
  config(more = {}) {
    return { environment: this.environment, clientId: this.settings.client_id, key: { pem: this.keyPEM, kid: this.settings.kid }, ...more };
  }

  async #control(method, what, body) {
    const answer = await fetch(`${this.settings.control}/${what}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${what}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  async requests(path = "/token") {
    const { requests } = await this.#control("GET", "journal");
    return requests.filter((request) => request.path === path);
  }

  faults(list) {
    return this.#control("PUT", "faults", list);
  }

  async reset() {
    await this.faults([]);
    await this.#control("DELETE", "journal");
  }

  /** Ends the process and waits for it. */
  async close() {
    this.#child.stdin.end();
    await this.#ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
