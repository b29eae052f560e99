import { suite } from "./node-suite.mjs";

await suite("js", "maskinporten/wasm-js");
