// As much of a Redis client as a store needs, and a server of one's own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A store for new Client(): get and put on the Redis at that socket. */
export function redisStore(path) {
  const socket = connect(path).unref();
  const waiting = [];
  let received = Buffer.alloc(0);
  socket.on("error", () => {}); // the close that follows tells those who wait
  socket.on("close", () => waiting.splice(0).forEach(({ reject }) => reject(new Error("the connection to Redis is closed"))));
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
    for (let end; (end = received.indexOf("\r\n")) >= 0; ) {
      const head = received.toString("utf8", 0, end);
      const length = head[0] === "$" ? Number(head.slice(1)) : -1; // only a bulk string has a body
      const size = end + 2 + (length < 0 ? 0 : length + 2);
      if (received.length < size) return;
      const { resolve, reject } = waiting.shift();
      if (head[0] === "-") reject(new Error(head));
      else resolve(head[0] === "$" && length >= 0 ? received.toString("utf8", end + 2, end + 2 + length) : null);
      received = received.subarray(size);
    }
  });
  const command = (...words) =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error("the connection to Redis is closed"));
      waiting.push({ resolve, reject });
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
    });
  return {
    get: (key) => command("GET", key),
    put: (key, entry, { expirationTtl }) => command("SET", key, entry, "EX", String(expirationTtl)),
    command,
    close: () => socket.destroy(),
  };
}

/** Starts redis-server on a socket in a folder of its own: {path, close}. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), "maskinporten-redis-"));
  const path = join(folder, "redis.sock");
  const options = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--appendonly", "no", "--daemonize", "no"];
  const child = spawn("redis-server", options, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let said = "";
  for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += text;
    if (/ready to accept connections/i.test(said)) break;
  }
  child.stdout.resume();
  return {
    path,
    async close() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
