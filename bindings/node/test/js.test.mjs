import { suite } from "./suite.mjs";

suite("js", "maskinporten/wasm-js");
