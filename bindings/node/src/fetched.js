/** The module of this package, fetched from beside it. (Bundlers find it by this very expression.) */
export async function fetchedModule() {
  const answer = await fetch(new URL("../wasm/maskinporten-wasip1.wasm", import.meta.url));
  return WebAssembly.compile(await answer.arrayBuffer());
}
