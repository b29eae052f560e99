import { takeAdded, withGlobals } from "./globals.js";
import "../wasm/wasm_exec.js";

const { Go = globalThis.Go, ...added } = takeAdded();

/** Starts a module that was built with GOOS=js. */
export function startGo(module) {
  const go = new Go();
  go.exit = () => {};
  // Only a fatal error of the Go runtime writes, and this package prints nothing.
  go.importObject.gojs["runtime.wasmWrite"] = () => {};
  const resume = go._resume.bind(go);
  const stop = () => {
    for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
    go._scheduledTimeouts.clear();
    go._resume = () => {};
  };
  // A timer of the runtime that traps has no caller to tell; the next verb will find out.
  go._resume = () => {
    try {
      resume();
    } catch {
      stop();
    }
  };
  const instance = new WebAssembly.Instance(module, go.importObject);
  // main runs until it blocks, before run returns; its promise is the end of main.
  withGlobals(added, () => go.run(instance).catch(() => {}));
  return { exports: instance.exports, memory: instance.exports.mem, stop };
}
