// The types under the strictest settings, with and without the types of a
// platform.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../", import.meta.url));
const strict = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, target: "es2022" };
const bundler = { module: "esnext", moduleResolution: "bundler" };
const cases = {
  "no platform at all": [{ module: "nodenext", lib: ["es2022"], types: [] }, "use.ts"],
  "a bundler": [{ ...bundler, lib: ["es2022"], types: [] }, "use.ts"],
  "a browser": [{ ...bundler, lib: ["es2022", "dom", "dom.iterable", "esnext.disposable"], types: [] }, "use.ts", "signal.ts", "browser.ts"],
  Node: [{ module: "nodenext", lib: ["es2022"], types: ["node"] }, "use.ts", "signal.ts", "node.ts"],
};

describe("types", { timeout: 120_000 }, () => {
  for (const [name, [platform, ...files]] of Object.entries(cases)) {
    test(name, () => {
      const settings = { compilerOptions: { ...strict, ...platform }, files: files.map((file) => `test/types/${file}`) };
      writeFileSync(`${project}/tsconfig.json`, JSON.stringify(settings));
      const { status, stdout } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"], { cwd: project, encoding: "utf8" });
      assert.equal(stdout, "");
      assert.equal(status, 0);
    });
  }
});
