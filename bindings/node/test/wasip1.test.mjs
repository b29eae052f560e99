import { suite } from "./suite.mjs";

suite("wasip1", "maskinporten/wasm");
