// Compiled, never run: what users write, under every set of libraries.
import {
  Client,
  diagnose,
  generateKey,
  MaskinportenError,
  readCertificate,
  type ClientConfig,
  type Environment,
  type Event,
  type Signer,
  type Source,
  type Status,
  type Store,
  type Token,
} from "maskinporten";
import { Client as Native } from "maskinporten/native";
import { Client as Wasm } from "maskinporten/wasm";
import { Client as WasmJs } from "maskinporten/wasm-js";

const environment: Environment = { issuer: "https://test.maskinporten.no/", tokenEndpoint: "https://test.maskinporten.no/token" };
const config: ClientConfig = { environment, clientId: "x", key: { pem: "…", kid: "k", alg: "RS384" }, cacheLimit: 10 };
const client: Client = new Client(config);
new Native({ environment: "test", clientId: "x", key: { pkcs12: new Uint8Array(), password: "p" } }).close();
new Wasm({ environment: "production", clientId: "x", key: { jwk: { kty: "RSA" } } });
new WasmJs({ environment: "test", clientId: "x", signer: { kid: "k", sign: async (bytes) => bytes } });
Client.fromEnv();
Client.fromEnv({ environment: { allowLoopbackHttp: true } }, { MASKINPORTEN_CLIENT_ID: "x" });

const source: Source = client.source({ scopes: ["a:b"], resource: "https://api.example.no", consumerOrg: "991825827", exchange: "customs" });
client.source({ scope: "a:b", systemUser: { org: "310702641", externalRef: "r" }, exchange: { type: "customs", tokenEndpoint: "https://x" } });
client.source({ scope: "a:b", consent: { id: "…", from: "…" }, issOnbehalfof: "991825827", extraClaims: { any: [1, null] } });
client.source({ scope: "a:b", exchange: ["customs", { type: "altinn", environment: "tt02", test: true, name: "ours" }] });
client.source({ scope: "a:b", exchange: { type: "token_exchange", tokenEndpoint: "https://x", audience: ["a"], scopes: ["b"] } });

const signer: Signer = { kid: "k", notAfter: new Date(), sign: (bytes) => bytes.buffer as ArrayBuffer };
const entries = new Map<string, string>();
const store: Store = { get: (key) => entries.get(key), put: async (key, entry, { expirationTtl }) => void (expirationTtl > 0 && entries.set(key, entry)) };
const told: Event[] = [];
new Client({ ...config, store, storeKey: new Uint8Array(32), onEvent: (event) => told.push(event), nextKeys: [signer, { jwk: "{}" }], waitWhileFailing: true });
new Client({ environment: "skyporten-test", clientId: "x", eseal: true, key: { pem: new Uint8Array(), certificateChain: "" } });
client.rotate({ signer, nextKeys: [] });
const status: Status = client.status();
const ends: Date | undefined = status.keys[0]?.notAfter;
const findings: string[] = diagnose({ environment: "test" }, { scope: "a:b" }).findings.map(({ remedy }) => remedy);
const owner: string | undefined = readCertificate(new Uint8Array()).certificates[0]?.organizationNumber;
const attempts: (number | undefined)[] = told.filter(({ event }) => event === "attempt").map(({ durationMs }) => durationMs);
void [ends, findings, owner, attempts];

const cached: string | undefined = source.peek();
const engine: string = client.engine;
const kid: string = generateKey({ bits: 3072 }).kid;

export async function use(): Promise<[string, Date, string | undefined, string, string]> {
  try {
    const token: Token = await source.token();
    source.invalidate(token);
    const answer = await source.fetch("https://api.example.no", { method: "POST", body: "x" });
    const status: number = answer.status;
    return [token.accessToken, token.expiresAt, cached, engine + status, kid];
  } catch (error) {
    if (error instanceof MaskinportenError) {
      const kind: "local" | "remote" | "transport" = error.kind;
      return [error.code, error.nextAttempt ?? new Date(), error.mpCode, kind, error.problems[0]?.remedy ?? ""];
    }
    throw error;
  } finally {
    source[Symbol.dispose]();
    await client[Symbol.asyncDispose]();
    client.close();
  }
}

// @ts-expect-error a token is read-only
(await source.token()).accessToken = "x";
// @ts-expect-error there is no such environment
new Client({ environment: "ver2", clientId: "x", key: { pem: "" } });
// @ts-expect-error a client id is needed
new Client({ environment: "test", key: { pem: "" } });
// @ts-expect-error there is no such exchange
client.source({ scope: "a:b", exchange: "airport" });
// @ts-expect-error an exchange of Altinn has an environment or an endpoint
client.source({ scope: "a:b", exchange: { type: "altinn" } });
// @ts-expect-error a store has a put
new Client({ ...config, store: { get: () => null } });
// @ts-expect-error errors are made by the package
new MaskinportenError();
