// What the cases of the suite get, in any runtime: the package, and a sandbox
// that runs elsewhere. It imports nothing of the runtime.

/**
 * The sandbox as a case sees it.
 * @param {object} fixtures what fixtures.mjs made
 */
class Sandbox {
  constructor(fixtures) {
    Object.assign(this, fixtures); // settings, keyPEM, keyJWK, files
  }

  get environment() {
    const { issuer, token_endpoint, customs_token_endpoint } = this.settings;
    return { issuer, tokenEndpoint: token_endpoint, customsTokenEndpoint: customs_token_endpoint, allowLoopbackHttp: true };
  }

  /** The configuration of the client whose key is registered. */
  config(more = {}) {
    return { environment: this.environment, clientId: this.settings.client_id, key: { pem: this.keyPEM, kid: this.settings.kid }, ...more };
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.settings.control}/${path}`, { method, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async requests(path = "/token") {
    const { requests } = await this.control("GET", "journal");
    return requests.filter((request) => request.path === path);
  }

  faults(list) {
    return this.control("PUT", "faults", list);
  }

  clock(offsetSeconds) {
    return this.control("PUT", "clock", { offset_seconds: offsetSeconds });
  }

  async reset() {
    await this.faults([]);
    await this.clock(0);
    await this.control("DELETE", "journal");
  }
}

/**
 * @param {string} name of the engine: what client.engine says
 * @param {object} entry an entry point of the package
 * @param {object} fixtures
 * @param {object} runtime what only some runtimes have: inspect, node (modules of Node), isBrowser, sharesPromises
 */
export function makeWorld(name, entry, fixtures, runtime = {}) {
  const { keys, ...rest } = fixtures;
  const world = { name, inspect: members, sharesPromises: true, ...runtime, ...entry, keys, sandbox: new Sandbox(rest) };
  /** A client that is closed when its test ends. */
  world.client = (t, more) => {
    const client = new world.Client(world.sandbox.config(more));
    t.after(() => client.close());
    return client;
  };
  return world;
}

/** What can be seen of an object, for runtimes without an inspector. */
function members(value, _options, depth = 0) {
  if (typeof value !== "object" || value === null || depth > 10) return String(value);
  const shown = value[Symbol.for("nodejs.util.inspect.custom")]?.() ?? "";
  const names = [...Reflect.ownKeys(value), "message", "stack"].filter((name) => value[name] !== undefined);
  return `${shown}{${names.map((name) => `${String(name)}: ${members(value[name], undefined, depth + 1)}`).join(", ")}}`;
}
