// What every engine must do, in any runtime: the cases and the shared vectors.
import { collect } from "./harness.mjs";
import { cacheTests } from "./suite-cache.mjs";
import { callTests } from "./suite-calls.mjs";
import { endTests } from "./suite-ends.mjs";
import { faultTests } from "./suite-faults.mjs";
import { grantTests } from "./suite-grant.mjs";
import { hookTests } from "./suite-hooks.mjs";
import { inputTests } from "./suite-input.mjs";
import { keyTests } from "./suite-keys.mjs";
import { requestTests } from "./suite-requests.mjs";

export const casesOf = (world) =>
  collect(() => {
    for (const tests of [grantTests, requestTests, keyTests, cacheTests, callTests, hookTests, faultTests, endTests, inputTests]) tests(world);
  });
