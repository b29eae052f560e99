// A Cloudflare Worker in front of a protected API: it adds an access token to
// every call. The settings are variables and secrets with the names of the
// NAIS platform; see wrangler.toml.
import { Client } from "maskinporten";

// One client for all requests of an isolate. It is made in the first of them,
// because Workers have no random numbers before.
let client;

export default {
  async fetch(_request, env) {
    client ??= Client.fromEnv({ store: env.TOKENS, storeKey: env.STORE_KEY }, env);
    const source = client.source({ scope: env.SCOPE });
    return source.fetch(env.API_URL);
  },
};
