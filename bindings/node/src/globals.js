// Go's wasm_exec.js puts a class and stand-ins for Node modules on the global
// object. Import this before it, to know afterwards what was there.
const names = ["Go", "fs", "path", "process"];
const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);

/** Takes what wasm_exec.js has added off the global object, and returns it. */
export function takeAdded() {
  const added = {};
  for (const [name, descriptor] of before) {
    if (descriptor) continue;
    added[name] = globalThis[name];
    delete globalThis[name];
  }
  return added;
}

/** Runs `work` while `added` is on the global object. */
export function withGlobals(added, work) {
  Object.assign(globalThis, added);
  try {
    return work();
  } finally {
    for (const name of Object.keys(added)) delete globalThis[name];
  }
}
