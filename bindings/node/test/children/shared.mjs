// One of several processes that share a Redis: prints a digest of its token, and the failures of the store.
import { createHash } from "node:crypto";
import { redisStore } from "../redis.mjs";

const { entry, path, storeKey, config, scope } = JSON.parse(process.argv[2]);
const { Client } = await import(entry);
const failed = [];
const onEvent = ({ event, error }) => event === "store_failed" && failed.push(error.code);
const client = new Client({ ...config, store: redisStore(path), storeKey, onEvent });
const token = await client.source({ scope }).token();
await new Promise((resolve) => setTimeout(resolve, 100)); // until it is put
console.log(JSON.stringify({ digest: createHash("sha256").update(token.accessToken).digest("hex"), failed }));
client.close();
process.exit(0);
