import { Call } from "./calling.js";
import { acquire } from "./driver.js";
import { localError } from "./errors.js";
import { keptEvents, Reporter } from "./events.js";
import { Handle, WeakValues } from "./handle.js";
import { base64, camel, fromVariables, object, own, requestJSON, toJSON } from "./settings.js";
import { Keys } from "./signing.js";
import { abortable, sleep, Stop } from "./waiting.js";

const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * One client registration at Maskinporten. The entry points of the package bind
 * it to their engine; index.d.ts documents what users see.
 */
export class BoundClient {
  #engine;
  #handle;
  #registration; // all settings but the keys
  #settings; // {json}: what the engine gets, also anew after a trap. It holds no secret
  #means;
  #runtime;
  #shared = new WeakValues(); // cache key -> what the sources of that key share
  #stop = new Stop();

  constructor(engine, runtime, config) {
    const { key, signer, nextKeys, fetch, store, storeKey, onEvent, ...registration } = own(config, "new Client()");
    // The core gets the public faces of the keys only: signing is a step for this side.
    const keys = new Keys(engine, { key, signer, nextKeys });
    checkHooks({ fetch, onEvent, store, storeKey });
    this.#engine = engine;
    this.#runtime = runtime;
    this.#registration = { ...registration, storeKey: base64(storeKey), events: onEvent && keptEvents };
    const settings = { json: this.#settingsWith(keys) };
    this.#settings = settings;
    this.#handle = new Handle(engine, () => engine.clientNew(settings.json), "clientFree").ownedBy(this);
    const reporter = new Reporter(engine, this.#handle, onEvent);
    this.#means = {
      keys,
      fetch: fetch ?? ((...request) => globalThis.fetch(...request)),
      store,
      report: () => reporter.report(),
      waitUntil: runtime.waitUntil,
      flows: new Set(),
      sendOnce: runtime.sendOnce,
      waitWhileFailing: registration.waitWhileFailing === true,
    };
  }

  static fromEnv(overrides = {}, variables = globalThis.process?.env ?? {}) {
    return new this(fromVariables(variables, own(overrides, "Client.fromEnv()")));
  }

  get engine() {
    return this.#engine.name;
  }

  source(options) {
    return new Source(this.#engine, this.#runtime, this.#handle, requestJSON(options), this.#means, this.#shared, this.#stop);
  }

  rotate(options) {
    const { key, signer, nextKeys, ...unknown } = own(options, "client.rotate()");
    const keys = new Keys(this.#engine, { key, signer, nextKeys });
    this.#engine.clientRotate(this.#handle.number, toJSON({ ...unknown, key: keys.key, nextKeys: keys.nextKeys }));
    this.#means.keys = keys;
    this.#settings.json = this.#settingsWith(keys);
    this.#means.report();
  }

  status() {
    const status = camel(JSON.parse(this.#engine.clientStatus(this.#handle.number)));
    return { ...status, keys: status.keys.map(camel) };
  }

  close() {
    if (this.#stop.ended) return;
    this.#means.report();
    this.#stop.end(localError("closed", "the client was closed during the call", "Create a new client; this one was closed."));
    this.#handle.close();
  }

  [inspect]() {
    return `Client{${this.#registration.clientId}, engine ${this.engine}}`;
  }

  #settingsWith({ key, nextKeys }) {
    return toJSON({ ...this.#registration, key, nextKeys });
  }
}

/** The parts of a configuration that the core never sees. */
function checkHooks({ fetch, onEvent, store, storeKey }) {
  for (const [name, hook] of Object.entries({ fetch, onEvent })) {
    if (hook !== undefined && typeof hook !== "function") {
      throw localError("invalid_configuration", `${name} is not a function`, `Give a function, or leave ${name} out.`);
    }
  }
  if (store === undefined && storeKey === undefined) return;
  if (typeof object(store, "store").get !== "function" || typeof store.put !== "function") {
    throw localError("invalid_configuration", "store has no get and put", "Give an object with get(key) and put(key, entry, { expirationTtl }), such as a Cloudflare KV namespace.");
  }
  if (storeKey === undefined) {
    throw localError("invalid_configuration", "storeKey is missing", "Give 32 random bytes, the same to every process that shares the store; what is in it is encrypted with them.");
  }
}

/** "A valid token for this, now." Made by Client.source(). */
class Source {
  #engine;
  #handle;
  #key;
  #means;
  #shared; // {flight, token} of everybody with the same key
  #sharesPromises;
  #stop;

  constructor(engine, { sharesPromises }, client, request, means, sharedByKey, stop) {
    this.#engine = engine;
    this.#handle = new Handle(engine, () => engine.sourceNew(client.number, request), "sourceFree", client).ownedBy(this);
    this.#means = means;
    this.#stop = stop;
    this.#sharesPromises = sharesPromises;
    this.#shared = sharedByKey.get(this.key, () => ({ flight: undefined, token: undefined }));
  }

  get key() {
    // The keys of the client are part of it, and change.
    if (!this.#handle.closed) this.#key = this.#engine.sourceKey(this.#handle.number);
    return this.#key;
  }

  peek() {
    return this.#engine.peek(this.#handle.number);
  }

  async token(options) {
    const cached = this.peek();
    const { token } = this.#shared;
    if (cached !== undefined && token?.accessToken === cached) {
      if (this.#engine.lease[1] !== 0) this.#renew(options?.waitUntil); // due: renewed while it still holds
      return token;
    }
    const signal = options?.signal;
    signal?.throwIfAborted();
    for (;;) {
      try {
        return await abortable(this.#fetchToken(), signal);
      } catch (error) {
        if (!this.#means.waitWhileFailing || !signal || !error?.retryable || !error.nextAttempt) throw error;
        await abortable(sleep(Math.max(0, error.nextAttempt - Date.now()), this.#stop), signal); // it may be now
      }
    }
  }

  async fetch(input, init) {
    const call = new Call(input, init);
    const { signal } = call;
    const token = await this.token({ signal });
    const answer = await this.#means.fetch(...call.with(token));
    if (answer.status !== 401) return answer;
    this.invalidate(token);
    if (!call.canBeRepeated) return answer;
    let fresh;
    try {
      fresh = await this.token({ signal });
    } catch {
      signal?.throwIfAborted();
      return answer; // no better token to be had: the API's own no is the answer
    }
    if (fresh.accessToken === token.accessToken) return answer;
    answer.body?.cancel().catch(() => {});
    return this.#means.fetch(...call.with(fresh));
  }

  invalidate(token) {
    if (typeof token?.accessToken !== "string") {
      throw localError("invalid_argument", "invalidate() takes a token", "Give the token that source.token() returned.");
    }
    this.#engine.invalidate(this.#handle.number, token.accessToken);
  }

  close() {
    this.#handle.close();
  }

  [inspect]() {
    return `Source{${this.key}}`;
  }

  #renew(waitUntil = this.#means.waitUntil) {
    waitUntil(this.#fetchToken().catch(() => {}));
  }

  /** The one acquisition of this key: joins it, or starts it. */
  #fetchToken() {
    const shared = this.#shared;
    if (!this.#sharesPromises) return this.#fly(shared, this.#handle.number);
    if (!shared.flight) {
      shared.flight = this.#fly(shared, this.#handle.number).finally(() => (shared.flight = undefined));
      shared.flight.catch(() => {}); // nobody may be waiting for it any more
    }
    return shared.flight;
  }

  async #fly(shared, source) {
    return (shared.token = await acquire(this.#engine, source, this.#means, this.#stop));
  }
}

for (const { prototype } of [BoundClient, Source]) {
  if (Symbol.dispose) prototype[Symbol.dispose] = prototype.close;
  if (Symbol.asyncDispose) prototype[Symbol.asyncDispose] = async function () { this.close(); };
}
