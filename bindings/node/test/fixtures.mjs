// What the suite needs and only Node can make: a running sandbox, the texts of
// its files, keys of every wrong kind, and the shared vectors. All of it is
// JSON, so that it can be sent to any runtime.
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startSandbox } from "./sandbox.mjs";

/** {fixtures, close} */
export async function startFixtures() {
  const sandbox = await startSandbox();
  const { settings } = sandbox;
  const read = (path, encoding = "utf8") => readFileSync(path, encoding);
  return {
    fixtures: {
      settings,
      keyPEM: sandbox.keyPEM,
      keyJWK: sandbox.keyJWK,
      files: {
        certificatePEM: read(settings.certificate_pem),
        certificateP12: read(settings.certificate_p12, "base64"),
        sealP12: settings.eseal && read(settings.eseal.p12, "base64"),
      },
      keys: makeKeys(),
    },
    close: () => sandbox.close(),
  };
}

function makeKeys() {
  const pkcs8 = (key, options) => key.export({ type: "pkcs8", format: "pem", ...options });
  const rsa = (modulusLength) => generateKeyPairSync("rsa", { modulusLength });
  const good = rsa(2048);
  return {
    good: pkcs8(good.privateKey),
    public: good.publicKey.export({ type: "spki", format: "pem" }),
    encrypted: pkcs8(good.privateKey, { cipher: "aes-256-cbc", passphrase: "x" }),
    small: pkcs8(rsa(1024).privateKey),
    elliptic: pkcs8(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
  };
}

/** The files of the shared vectors, as they are. */
export function readVectors(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json") && name !== "schema.json" && name !== "keys.json")
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}
