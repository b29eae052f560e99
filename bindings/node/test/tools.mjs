// Programs that some tests need beside Node.
import { spawnSync } from "node:child_process";

/** The skip option of a test that needs these commands: a reason, or false. Under CI nothing may be missing. */
export function without(...commands) {
  const missing = commands.filter((command) => spawnSync("sh", ["-c", 'command -v "$0"', command]).status !== 0);
  if (missing.length === 0) return false;
  if (process.env.CI === "true") throw new Error(`not on this machine: ${missing.join(", ")}`);
  return `not on this machine: ${missing.join(", ")}`;
}
