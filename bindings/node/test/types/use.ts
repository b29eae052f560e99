// Compiled, never run: what users write, under every set of libraries.
import { Client, generateKey, MaskinportenError, type ClientConfig, type Environment, type Source, type Token } from "maskinporten";
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
// @ts-expect-error errors are made by the package
new MaskinportenError();
