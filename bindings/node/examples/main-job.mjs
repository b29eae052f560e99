// The whole job: a token from Maskinporten, one from Customs in exchange for
// it, and a call of an API that only lets the second in.
//
//   node main-job.mjs settings.json [--engine native|wasip1|js]
//
// settings.json is what `maskinporten sandbox --out DIR` writes. Prints one
// line of JSON, without secrets.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { engine: { type: "string" } } });
const settings = JSON.parse(readFileSync(positionals[0], "utf8"));
const entry = { native: "maskinporten/native", wasip1: "maskinporten/wasm", js: "maskinporten/wasm-js" };
const { Client } = await import(values.engine ? entry[values.engine] : "maskinporten");

const client = new Client({
  environment: {
    issuer: settings.issuer,
    tokenEndpoint: settings.token_endpoint,
    customsTokenEndpoint: settings.customs_token_endpoint,
    allowLoopbackHttp: true, // the sandbox is on this machine
  },
  clientId: settings.client_id,
  key: { pem: readFileSync(settings.key_pem, "utf8"), kid: settings.kid },
});

const scope = settings.scopes.customs;
const token = await client.source({ scope }).token();
const customs = client.source({ scope, exchange: "customs" });
const customsToken = await customs.token();
const answer = await customs.fetch(settings.customs_test_auth);

console.log(
  JSON.stringify({
    grant: token.accessToken.length > 0, // no token without a grant that was accepted
    token: token.expiresAt > new Date(),
    customs: customsToken.accessToken !== token.accessToken,
    test_auth: answer.status,
    expires_in_s: Math.round((customsToken.expiresAt - Date.now()) / 1000),
    engine: client.engine,
  }),
);
client.close();
