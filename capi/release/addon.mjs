// What can be asked of the native engine without a network: node addon.mjs ANSWER.
// The answer goes into a file, since node.exe under wine cannot write to a pipe.
import { writeFileSync } from "node:fs";
import { Client, generateKey } from "maskinporten/native";

const { privateJwk, kid } = await generateKey();
const client = new Client({ environment: "test", clientId: "x", key: { jwk: privateJwk, kid } });
const { key } = client.source({ scope: "a:b" });
let refused;
try {
  client.source({ scope: "a b" });
} catch (error) {
  refused = error.code;
}
writeFileSync(process.argv[2], `${process.platform} ${process.arch} ${client.engine} ${key.length} ${refused}\n`);
