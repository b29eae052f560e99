// What every engine must do, in any runtime: the cases and the shared vectors.
import { collect } from "./harness.mjs";
import { cacheTests } from "./suite-cache.mjs";
import { faultTests } from "./suite-faults.mjs";
import { grantTests } from "./suite-grant.mjs";
import { inputTests } from "./suite-input.mjs";

export const casesOf = (world) =>
  collect(() => {
    for (const tests of [grantTests, cacheTests, faultTests, inputTests]) tests(world);
  });
