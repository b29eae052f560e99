// The sandbox of the package for the tests of the package, with the settings as
// the file has them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as testing from "maskinporten/testing";

export async function startSandbox() {
  const sandbox = await testing.startSandbox();
  const settings = JSON.parse(readFileSync(join(sandbox.folder, "settings.json"), "utf8"));
  return {
    settings,
    keyPEM: readFileSync(settings.key_pem, "utf8"),
    keyJWK: readFileSync(settings.key_jwk, "utf8"),
    folder: sandbox.folder,
    environment: sandbox.environment,
    config: (more) => sandbox.config(more),
    requests: (path) => sandbox.requests(path),
    control: (...request) => sandbox.control(...request),
    faults: (list) => sandbox.faults(...list),
    clock: (offset) => sandbox.clock(offset),
    reset: () => sandbox.reset(),
    close: () => sandbox.close(),
  };
}
