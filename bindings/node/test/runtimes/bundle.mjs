// Bundles a program as the tools of Workers and browsers do: by the conditions
// in the package's exports, and with WebAssembly left beside the bundle.
import { build } from "esbuild";

const besideBundle = {
  name: "wasm-beside-the-bundle",
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path: path.split("/").at(-1), external: true }));
  },
};

const besideScript = {
  name: "wasm-on-the-global-object",
  setup(build) {
    build.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: "wasm" }));
    build.onLoad({ filter: /.*/, namespace: "wasm" }, () => ({ contents: "export default globalThis.wasmModule" }));
  },
};

/** The program as one ES module, or as a script that finds its module on the global object. */
export async function bundle(entry, conditions, format = "esm") {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format,
    platform: "neutral",
    target: "es2022",
    mainFields: ["module", "main"],
    conditions: [...conditions, "import"],
    external: ["cloudflare:workers"],
    plugins: [format === "esm" ? besideBundle : besideScript],
    logLevel: "error",
  });
  return outputFiles[0].contents;
}
