// Uses the js module, breaks its instance, and prints what that left behind.
const before = new Set(Reflect.ownKeys(globalThis));
const { bind } = await import("../../node_modules/maskinporten/src/bind.js");
const { WasmEngine } = await import("../../node_modules/maskinporten/src/engine-wasm.js");
const { start } = await import("../wasm-abi.mjs");

let instance;
const { Client } = bind(() => new WasmEngine("js", () => (instance = start("js"))));
const client = new Client({ environment: "test", clientId: "c0ffee00-0000-4000-8000-000000000000", signer: { kid: "k", sign() {} } });
const source = client.source({ scope: "a:b" });
new Uint8Array(instance.memory.buffer).fill(0xff);
try {
  source.peek();
  process.exitCode = 3;
} catch (error) {
  process.exitCode = error.code === "internal" && source.peek() === undefined ? 0 : 4;
}
const left = Reflect.ownKeys(globalThis).filter((name) => !before.has(name));
if (left.length > 0) console.log(left);
