import { suite } from "./node-suite.mjs";

await suite("wasip1", "maskinporten/wasm");
