import { localError, MaskinportenError } from "./errors.js";
import { failureOf, send } from "./sending.js";
import { bytesOf } from "./settings.js";
import { Token } from "./token.js";
import { sleep, within } from "./waiting.js";

// A signer or a store that never answers must not hold the flow for ever.
const signTimeout = 5000;
const storeTimeout = 2000;

// No flow takes so long. One that does was left behind by a request that a Worker gave up, which ends its promises without a word.
const longest = 60_000;

const leastLife = 60; // seconds; Cloudflare KV takes no less, and an entry knows its own end

const encoder = new TextEncoder();

/**
 * Drives one flow until it has a token. All decisions are the core's; this only
 * signs, sends, stores and waits as told.
 *
 * @param engine the engine that holds the flow
 * @param {bigint} source the source's handle
 * @param {{keys: import("./signing.js").Keys, fetch: Function, store?: object, report: () => void, waitUntil: Function, flows: Set<Flow>}} means
 * @param {import("./waiting.js").Stop} stop ends the flow when the client is closed
 * @returns {Promise<Token>}
 */
export async function acquire(engine, source, means, stop) {
  const flow = new Flow(engine, source, means, stop);
  let step;
  try {
    step = await flow.advance();
  } finally {
    if (step?.step !== "save") flow.free();
  }
  if (step.step === "done") return new Token(step.token);
  // It is in the cache already, and nobody waits for the store.
  const saved = flow.save(step).finally(() => flow.free());
  saved.catch(() => {});
  means.waitUntil(saved);
  return cached(engine, source) ?? new Token((await saved).token);
}

/** The token that is in the cache: a flow for it ends with its first step. */
function cached(engine, source) {
  const flow = engine.flowNew(source);
  try {
    const { token } = JSON.parse(engine.flowNext(flow));
    return token && new Token(token);
  } finally {
    engine.flowFree(flow);
  }
}

class Flow {
  #engine;
  #generation;
  #number;
  #means;
  #keys; // of the beginning: what is in progress may be of a key that was rotated away
  #stop;
  #started = Date.now();
  #thrown; // {cause} of the last step, for the error it may lead to

  constructor(engine, source, means, stop) {
    this.#engine = engine;
    this.#means = means;
    this.#keys = means.keys;
    this.#stop = stop;
    this.#number = engine.flowNew(source);
    this.#generation = engine.generation;
    for (const flow of means.flows) {
      if (this.#started - flow.#started < longest) break; // they are in the order of their starts
      flow.free();
    }
    means.flows.add(this);
  }

  free() {
    if (!this.#means.flows.delete(this)) return;
    if (this.#engine.generation === this.#generation) this.#engine.flowFree(this.#number); // else it went with its instance
    this.#means.report();
  }

  /** Does what is to do until the token is there: the step "done" or "save". */
  async advance() {
    for (;;) {
      const step = JSON.parse(this.#tell("flowNext"));
      switch (step.step) {
        case "done":
        case "save":
          return step;
        case "failed":
          throw new MaskinportenError(step.error, this.#thrown);
        case "wait":
          await sleep(step.wait_ms, this.#stop);
          break;
        case "sign":
          await this.#sign(step);
          break;
        case "send":
          await this.#send(step);
          break;
        case "load":
          await this.#load(step);
          break;
        default:
          throw localError("internal", `the engine wants the step ${step.step}`, "Install the package again; its files are of different versions.");
      }
    }
  }

  /** Calls a verb of the engine on this flow. Another caller may have met a trap since the last one. */
  #tell(verb, ...fed) {
    if (this.#engine.generation !== this.#generation) {
      throw localError("internal", "the WebAssembly instance stopped during the call", "Call again, which uses a new one.");
    }
    const answer = this.#engine[verb](this.#number, ...fed);
    this.#means.report();
    return answer;
  }

  #failed(reason) {
    this.#tell("flowFailed", JSON.stringify(reason));
  }

  async #sign({ signing_input: input }) {
    const sign = this.#means.keys.signerOf(input) ?? this.#keys.signerOf(input);
    let signature;
    try {
      signature = await within(signTimeout, this.#stop, () => sign(encoder.encode(input)));
    } catch (error) {
      this.#stop.throwIfEnded();
      this.#thrown = { cause: error };
      const retryable = error?.name === "TimeoutError" || error?.retryable === true;
      return this.#failed({ code: "signing_failed", message: messageOf(error), retryable });
    }
    this.#thrown = undefined;
    this.#tell("flowSigned", signature);
  }

  async #send(step) {
    let answer;
    try {
      answer = await within(step.timeout_ms, this.#stop, (signal) => send(this.#means.fetch, step, { ...this.#means.sendOnce, signal }));
    } catch (error) {
      this.#stop.throwIfEnded();
      this.#thrown = { cause: error };
      return this.#failed(failureOf(error));
    }
    this.#thrown = undefined;
    this.#tell("flowReceived", JSON.stringify(answer.head), answer.body);
  }

  async #load({ store_key: key }) {
    let entry;
    try {
      entry = entryOf(await within(storeTimeout, this.#stop, () => this.#means.store.get(key)));
    } catch (error) {
      return this.#storeFailed(error);
    }
    this.#tell("flowLoaded", entry);
  }

  /** Puts the token into the store and ends the flow: the step "done". */
  async save({ store_key: key, entry, life_ms: life }) {
    const expirationTtl = Math.max(leastLife, Math.ceil(life / 1000));
    try {
      await within(storeTimeout, this.#stop, () => this.#means.store.put(key, entry, { expirationTtl }));
      this.#tell("flowSaved");
    } catch (error) {
      this.#storeFailed(error);
    }
    return this.advance();
  }

  /** The flow goes on without its store; an event tells of it. */
  #storeFailed(error) {
    this.#stop.throwIfEnded();
    const code = error?.name === "TimeoutError" ? "timeout" : "connection_failed";
    this.#failed({ code, message: messageOf(error) });
  }
}

/** What a store gave, as bytes; none if it has nothing. */
function entryOf(value) {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (typeof value === "string") return encoder.encode(value);
  const bytes = bytesOf(value);
  if (bytes) return bytes;
  throw new TypeError("store.get(key) must give text, or null if there is nothing");
}

function messageOf(error) {
  try {
    return String(error?.message ?? error);
  } catch {
    return "it threw what cannot be printed";
  }
}
