// A signer whose key was made in a PKCS#11 token (SoftHSM2) and never leaves it.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client } from "maskinporten";
import { startSandbox } from "./sandbox.mjs";
import { without } from "./tools.mjs";

const skip = without("softhsm2-util", "pkcs11-tool");
const module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"].find(existsSync);
const pin = "1234";
let sandbox;
let folder;
before(async () => {
  if (!skip) sandbox = await startSandbox();
});
after(async () => {
  await sandbox?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test("a key in a PKCS#11 token signs grants", { skip, timeout: 60_000 }, async (t) => {
  folder = mkdtempSync(join(tmpdir(), "maskinporten-hsm-"));
  mkdirSync(join(folder, "tokens"));
  writeFileSync(join(folder, "softhsm2.conf"), `directories.tokendir = ${join(folder, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const env = { ...process.env, SOFTHSM2_CONF: join(folder, "softhsm2.conf") };
  const session = ["--module", module, "--token-label", "t", "--login", "--pin", pin];
  const quiet = { env, stdio: ["ignore", "pipe", "ignore"] };
  execFileSync("softhsm2-util", ["--init-token", "--free", "--label", "t", "--pin", pin, "--so-pin", pin], quiet);
  execFileSync("pkcs11-tool", [...session, "--keypairgen", "--key-type", "rsa:2048", "--id", "01"], quiet);
  const der = execFileSync("pkcs11-tool", [...session, "--read-object", "--type", "pubkey", "--id", "01"], quiet);
  const { n, e } = createPublicKey({ key: der, format: "der", type: "spki" }).export({ format: "jwk" });

  const { client_id: clientId, scopes } = sandbox.settings;
  await sandbox.control("PUT", `clients/${clientId}/keys`, { keys: [{ kty: "RSA", use: "sig", alg: "RS256", kid: "hsm", n, e }] });
  let signed = 0;
  const sign = (bytes) =>
    new Promise((resolve, reject) => {
      const tool = execFile("pkcs11-tool", [...session, "--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "01"], { env, encoding: "buffer" }, (error, signature) => (error ? reject(error) : resolve(signature)));
      tool.stdin.end(bytes);
      signed++;
    });
  const client = new Client({ environment: sandbox.environment, clientId, signer: { kid: "hsm", signatureSize: 256, sign } });
  t.after(() => client.close());
  const tokens = await Promise.all([scopes.plain, scopes.other].map((scope) => client.source({ scope }).token()));
  assert.ok(tokens.every((token) => token.accessToken));
  assert.equal(signed, 2);
  assert.deepEqual((await sandbox.requests()).map(({ kid, status }) => [kid, status]), [["hsm", 200], ["hsm", 200]]);

  const wrong = new Client({ environment: sandbox.environment, clientId, signer: { kid: "hsm", sign: (bytes) => sign(Buffer.concat([bytes, bytes])) } });
  t.after(() => wrong.close());
  await assert.rejects(wrong.source({ scope: scopes.plain }).token(), { mpCode: "MP-124" });
});
