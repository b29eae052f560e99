// Bundles a program as the tools of Workers and browsers do: by the conditions
// in the package's exports, and with WebAssembly left beside the bundle.
import { build } from "esbuild";

const besideBundle = {
  name: "wasm-beside-the-bundle",
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path: path.split("/").at(-1), external: true }));
  },
};

/** The program as one ES module. */
export async function bundle(entry, conditions) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    mainFields: ["module", "main"],
    conditions: [...conditions, "import"],
    external: ["cloudflare:workers"],
    plugins: [besideBundle],
    logLevel: "error",
  });
  return outputFiles[0].contents;
}
