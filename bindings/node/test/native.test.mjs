import { suite } from "./node-suite.mjs";

await suite("native", "maskinporten/native");
