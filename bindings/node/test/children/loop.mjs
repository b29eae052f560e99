// Measures how long the event loop stands still: idle, with bare fetches, and with token().
import { createPrivateKey, webcrypto } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

const { entry, config, scopes } = JSON.parse(process.argv[2]);
const { Client } = await import(entry);
const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await webcrypto.subtle.importKey("pkcs8", createPrivateKey(config.key.pem).export({ type: "pkcs8", format: "der" }), rsa, false, ["sign"]);

async function bare() {
  const signature = await webcrypto.subtle.sign(rsa, key, new Uint8Array(600));
  const answer = await fetch(config.environment.tokenEndpoint, { method: "POST", body: new URLSearchParams({ assertion: Buffer.from(signature).toString("base64url") }) });
  await answer.text();
}

/** The 99th percentile of the delay, in ms, while work is done twenty times with pauses between. */
async function delay(work) {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  for (let i = 0; i < 20; i++) {
    await work(i);
    await pause(20);
  }
  monitor.disable();
  return monitor.percentile(99) / 1e6;
}

const clients = Array.from({ length: 4 }, () => new Client(config));
const [measured, ...warm] = clients.map((client) => (i) => client.source({ scope: scopes[i] }).token());
for (const work of [...warm, bare]) await delay(work); // until it is compiled
const idle = await delay(() => {});
console.log(JSON.stringify({ idle, bare: await delay(bare), ours: await delay(measured) }));
clients.forEach((client) => client.close());
