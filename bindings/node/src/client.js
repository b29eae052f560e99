import { authorized, canSendAgain } from "./calling.js";
import { acquire } from "./driver.js";
import { localError } from "./errors.js";
import { Handle, WeakValues } from "./handle.js";
import { fromVariables, keyJSON, object, requestJSON, toJSON } from "./settings.js";
import { customSigner, webCryptoSigner } from "./signing.js";
import { abortable } from "./waiting.js";

const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * One client registration at Maskinporten. The entry points of the package bind
 * it to their engine; index.d.ts documents what users see.
 */
export class BoundClient {
  #engine;
  #handle;
  #clientId;
  #means;
  #shared = new WeakValues(); // cache key -> what the sources of that key share
  #stop = new AbortController();

  constructor(engine, config) {
    const { key, signer, fetch, ...registration } = object(config, "new Client()");
    const signing = signingOf(engine, key, signer);
    // The core gets the public face of the key only: signing is a step for
    // this side. So the settings kept here hold no secret.
    const settings = toJSON({ ...registration, key: signing?.face });
    this.#engine = engine;
    this.#clientId = registration.clientId;
    this.#means = { sign: signing?.sign, fetch: fetch ?? ((...request) => globalThis.fetch(...request)) };
    this.#handle = new Handle(engine, () => engine.clientNew(settings), "clientFree").ownedBy(this);
  }

  static fromEnv(overrides = {}, variables = globalThis.process?.env ?? {}) {
    return new this(fromVariables(variables, object(overrides, "Client.fromEnv()")));
  }

  get engine() {
    return this.#engine.name;
  }

  source(options) {
    return new Source(this.#engine, this.#handle, requestJSON(options), this.#means, this.#shared, this.#stop.signal);
  }

  close() {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(localError("closed", "the client was closed during the call", "Create a new client; this one was closed."));
    this.#handle.close();
  }

  [inspect]() {
    return `Client{${this.#clientId}, engine ${this.engine}}`;
  }
}

function signingOf(engine, key, signer) {
  if (key !== undefined && signer !== undefined) {
    throw localError("invalid_configuration", "both key and signer are given", "Give key if this package shall sign, or signer if you do.");
  }
  if (signer !== undefined) {
    const { alg, kid, x5c, signatureSize } = object(signer, "signer");
    return { face: { alg, kid, x5c, signatureSize }, sign: customSigner(signer) };
  }
  if (key !== undefined) {
    const { alg, kid, x5c, signature_size: signatureSize, pkcs8 } = JSON.parse(engine.keyRead(keyJSON(key)));
    return { face: { alg, kid, x5c, signatureSize }, sign: webCryptoSigner(alg, pkcs8) };
  }
  return undefined; // the core says what is missing, with everything else
}

/** "A valid token for this, now." Made by Client.source(). */
class Source {
  #engine;
  #handle;
  #key;
  #means;
  #shared; // {flight, token} of everybody with the same key
  #stop;

  constructor(engine, client, request, means, sharedByKey, stop) {
    this.#engine = engine;
    this.#handle = new Handle(engine, () => engine.sourceNew(client.number, request), "sourceFree", client).ownedBy(this);
    this.#key = engine.sourceKey(this.#handle.number);
    this.#means = means;
    this.#stop = stop;
    this.#shared = sharedByKey.get(this.#key, () => ({ flight: undefined, token: undefined }));
  }

  get key() {
    return this.#key;
  }

  peek() {
    return this.#engine.peek(this.#handle.number);
  }

  async token(options) {
    const cached = this.peek();
    const { token } = this.#shared;
    if (cached !== undefined && token?.accessToken === cached) {
      if (this.#engine.lease[1] !== 0) this.#fetchToken(); // due: renewed while it still holds
      return token;
    }
    const signal = options?.signal;
    signal?.throwIfAborted();
    return abortable(this.#fetchToken(), signal);
  }

  async fetch(input, init = {}) {
    const token = await this.token({ signal: init.signal ?? input?.signal });
    const answer = await this.#means.fetch(input, authorized(input, init, token));
    if (answer.status !== 401) return answer;
    this.invalidate(token);
    if (!canSendAgain(input, init)) return answer;
    let fresh;
    try {
      fresh = await this.token({ signal: init.signal ?? input?.signal });
    } catch {
      return answer; // no better token to be had: the API's own no is the answer
    }
    if (fresh.accessToken === token.accessToken) return answer;
    answer.body?.cancel().catch(() => {});
    return this.#means.fetch(input, authorized(input, init, fresh));
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
    return `Source{${this.#key}}`;
  }

  /** The one acquisition of this key: joins it, or starts it. */
  #fetchToken() {
    const shared = this.#shared;
    if (!shared.flight) {
      shared.flight = this.#fly(shared, this.#handle.number);
      shared.flight.catch(() => {}); // nobody may be waiting for it any more
    }
    return shared.flight;
  }

  async #fly(shared, source) {
    try {
      shared.token = await acquire(this.#engine, source, this.#means, this.#stop);
      return shared.token;
    } finally {
      // After an await, and so after the caller has set it.
      shared.flight = undefined;
    }
  }
}

if (Symbol.dispose) {
  for (const { prototype } of [BoundClient, Source]) prototype[Symbol.dispose] = prototype.close;
}
