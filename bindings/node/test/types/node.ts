// Compiled where Node's types are there.
import { createPrivateKey, sign, type webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client } from "maskinporten";
import { startSandbox, type Sandbox } from "maskinporten/testing";

declare const cryptoKey: webcrypto.CryptoKey;
new Client({ environment: "test", clientId: "x", key: { cryptoKey, kid: "k" } });
new Client({ environment: "test", clientId: "x", key: { keyObject: createPrivateKey(""), kid: "k" } });
new Client({ environment: "test", clientId: "x", key: { pem: readFileSync("key.pem") } });
new Client({ environment: "test", clientId: "x", signer: { kid: "k", sign: (bytes) => sign("sha256", bytes, "") } });

export async function use(): Promise<number> {
  await using sandbox: Sandbox = await startSandbox({ listen: "127.0.0.1:0" });
  await sandbox.faults({ path: "/token", times: 1, status: 503, retryAfter: 1 });
  const client = new Client(sandbox.config({ cacheLimit: 1 }));
  const answer = await client.source({ scope: sandbox.settings.scopes.plain }).fetch(new URL(sandbox.settings.sampleApi), { method: "POST" });
  const [request] = await sandbox.requests();
  return answer.status + (request?.status ?? 0);
}
