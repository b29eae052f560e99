import { suite } from "./suite.mjs";

suite("native", "maskinporten/native");
