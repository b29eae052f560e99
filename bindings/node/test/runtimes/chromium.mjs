// Runs a page in headless Chromium. The page, the package and the sandbox have
// one origin, because Maskinporten (and so the sandbox) allows no other: what
// is not the page's own is passed on to the sandbox.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as open } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const flags = `--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync --disable-dev-shm-usage`.split(/\s+/);

/**
 * @param {string} command the program
 * @param {Map<string, {type: string, body: string | Uint8Array}>} files by their path
 * @param {string} sandbox the origin of the sandbox
 * @param {(origin: string) => void} prepare is told the origin before the page is loaded
 * @param {(result: object) => boolean} tell gets what the page reports; true ends it
 */
export async function runPage(command, files, sandbox, prepare, tell) {
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const server = createServer(async (request, response) => {
    const file = files.get(request.url);
    if (file) return response.setHeader("content-type", file.type).end(file.body);
    if (request.url !== "/report") return passOn(request, response, sandbox);
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    response.end();
    if (tell(JSON.parse(text))) finish();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  prepare(origin);

  const profile = mkdtempSync(join(tmpdir(), "maskinporten-chromium-"));
  const child = spawn(command, [...flags, `--user-data-dir=${profile}`, `${origin}/`], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`Chromium ended:\n${said}`)));
  try {
    await Promise.race([finished, ended]);
  } finally {
    ended.catch(() => {});
    child.kill();
    await ended.catch(() => {});
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Sends a request to the sandbox and what comes back to the page, faults and all. */
function passOn(request, response, sandbox) {
  const { host, connection, ...headers } = request.headers;
  const onward = open(new URL(request.url, sandbox), { method: request.method, headers, agent: false }, (answer) => {
    response.sendDate = false;
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.on("data", (part) => response.write(part));
    answer.on("end", () => (answer.complete ? response.end() : response.destroy()));
    answer.on("error", () => response.destroy());
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}
