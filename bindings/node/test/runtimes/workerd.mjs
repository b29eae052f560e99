// Runs workerd, the runtime of Cloudflare Workers, on this machine.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * Starts workers that are described by files in a folder.
 * @param {string} command the program
 * @param {string} folder where the bundles and modules are
 * @param {{name: string, modules: string[], date?: string, bindings?: string}[]} workers each has a socket
 * @returns {Promise<{urls: Record<string, string>, close: () => Promise<void>}>}
 */
export async function startWorkerd(command, folder, workers) {
  writeFileSync(join(folder, "workerd.capnp"), configuration(workers));
  const child = spawn(command, ["serve", "workerd.capnp", "--control-fd=3"], { cwd: folder, stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.once("error", () => {});
  const lines = createInterface(child.stdio[3])[Symbol.asyncIterator]();
  const urls = {};
  for (const _ of workers) {
    const line = await Promise.race([lines.next(), ended]);
    if (!line?.value) throw new Error(`workerd did not start:\n${said}`);
    const { socket, port } = JSON.parse(line.value);
    urls[socket] = `http://127.0.0.1:${port}/`;
  }
  return {
    urls,
    said: () => said,
    async close() {
      child.kill();
      await ended;
    },
  };
}

function configuration(workers) {
  const text = (value) => JSON.stringify(value);
  const module = (name) => `(name = ${text(name)}, ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(name)})`;
  const services = workers.map(
    ({ name, modules, date = "2025-09-01", bindings = "" }) => `(name = ${text(name)}, worker = (
      modules = [${modules.map(module).join(", ")}],
      compatibilityDate = ${text(date)},
      bindings = [${bindings}]))`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(",\n")},
    (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [${workers.map(({ name }) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`).join(", ")}]);
`;
}
