// The examples of the README and of the examples folder, run against the
// sandbox.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startSandbox } from "./sandbox.mjs";

const project = fileURLToPath(new URL("../", import.meta.url));
let sandbox;
before(async () => {
  sandbox = await startSandbox();
});
after(() => sandbox.close());

test("the examples run, and the first prints 200", () => {
  const { settings } = sandbox;
  const readme = readFileSync(join(project, "node_modules/maskinporten/README.md"), "utf8");
  const examples = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);
  assert.equal(examples.length, 3);
  const program = ["const clientId = process.env.CLIENT_ID;", "const kms = {};", ...examples]
    .join("\n")
    .replaceAll('environment: "test"', `environment: ${JSON.stringify(sandbox.environment)}`)
    .replace("https://api.example.no/things", settings.sample_api)
    .replaceAll('"…"', '"k"');
  writeFileSync(join(project, "readme.mjs"), program);
  copyFileSync(settings.key_pem, join(project, "key.pem"));
  const env = { ...process.env, CLIENT_ID: settings.client_id, KEY_ID: settings.kid };
  const { status, stdout, stderr } = spawnSync(process.execPath, ["readme.mjs"], { cwd: project, encoding: "utf8", env });
  assert.deepEqual([status, stdout, stderr], [0, "200\n", ""]);
});

test("the main job, by every engine", () => {
  for (const engine of ["native", "wasip1", "js"]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["examples/main-job.mjs", join(sandbox.folder, "settings.json"), "--engine", engine], { cwd: project, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    const { expires_in_s: life, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { grant: true, token: true, customs: true, test_auth: 200, engine });
    assert.ok(life > 0);
  }
});
