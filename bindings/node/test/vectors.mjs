// Runs the shared test vectors on an engine, as their README says, in any
// runtime.
import { assert, base64Bytes, jwsPart } from "./harness.mjs";

const whole = new Set(["header", "claims", "headers"]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The cases of one file that run here, each with the defaults of its file. */
export function casesOfFile({ subject, operation, config, request, cases }) {
  // A verb that takes a JavaScript string cannot be given what is not UTF-8.
  const runs = (one) => one.runs_on.includes("abi") && !one.config_text?.base64 && !one.request_text?.base64;
  return { subject, operation, cases: cases.filter(runs).map((one) => ({ config, request, ...one })) };
}

/** Runs the files of vectors: for each its subject, how many cases it has, and what is wrong. */
export async function runFiles(engine, MaskinportenError, files, tell) {
  for (const { subject, operation, cases } of files.map(casesOfFile)) {
    if (cases.length === 0) continue;
    // All at once, so that their pauses overlap.
    const wrong = await Promise.all(
      cases.map(async (one) => {
        const why = await run(engine, MaskinportenError, operation, one).catch((error) => error.stack);
        return why && `${one.name}: ${why}`;
      }),
    );
    await tell({ subject, cases: cases.length, wrong: wrong.filter(Boolean) });
  }
}

/** What differs, or undefined. */
function differs(expect, outcome) {
  for (const [name, want] of Object.entries(expect)) {
    const { requests, ...shown } = outcome;
    const fits = () => {
      if (name === "says") return want.every((words) => outcome.text.includes(words));
      if (name === "hides") return !want.some((words) => JSON.stringify(shown).includes(words));
      if (name === "problems") return equal([...want].sort(), [...(outcome.problems ?? [])].sort(), true);
      if (name.endsWith("_at_most")) return outcome[name.slice(0, -8)] >= 0 && outcome[name.slice(0, -8)] <= want;
      return equal(want, outcome[name], whole.has(name));
    };
    if (!fits()) return `${name} is not ${JSON.stringify(want)} in ${JSON.stringify(outcome)}`;
  }
  return undefined;
}

function equal(want, got, exact) {
  if (want === null) return got === undefined;
  if (typeof want !== "object") return want === got;
  if (typeof got !== "object" || got === null || Array.isArray(want) !== Array.isArray(got)) return false;
  const names = Object.keys(want);
  if ((exact || Array.isArray(want)) && names.length !== Object.keys(got).length) return false;
  return names.every((name) => equal(want[name], got[name], exact || whole.has(name)));
}

/** The bytes that stand in one of three forms. */
function bytesOf(blob = "") {
  if (typeof blob === "string") return new TextEncoder().encode(blob);
  if (blob.base64) return base64Bytes(blob.base64);
  return new TextEncoder().encode(textOf(blob));
}

function textOf(blob) {
  return typeof blob === "string" ? blob : blob.parts.map(([text, times]) => text.repeat(times)).join("");
}

/** An error as the outcome of a case, after checking what holds for all of them. */
function failure(error, MaskinportenError) {
  if (!(error instanceof MaskinportenError)) throw error;
  assert.ok(["local", "remote", "transport"].includes(error.kind));
  assert.ok(error.number > 1000 && error.remedy.endsWith(".") && error.message.includes(error.remedy), error.message);
  const { kind, code, number, remedy, retryable, status, attempts } = error;
  const outcome = {
    ...{ kind, code, number, remedy, retryable, status, attempts },
    text: error.message,
    error: error.oauthError,
    error_description: error.description,
    mp_code: error.mpCode,
    trace_id: error.traceId,
    problems: error.problems.map(({ field }) => field),
  };
  return JSON.parse(JSON.stringify(outcome)); // without what is undefined
}

/** What a call without a result came to. */
function told(call, MaskinportenError) {
  try {
    call();
    return {};
  } catch (error) {
    return failure(error, MaskinportenError);
  }
}

/** Runs one case, with a client of its own. What is wrong, or undefined. */
async function run(engine, MaskinportenError, operation, one) {
  const runner = new Runner(engine, MaskinportenError);
  try {
    if (operation !== "flow") return differs(one.expect, await runner.outcome(operation, one));
    const source = runner.source(one);
    for (const [number, step] of one.steps.entries()) {
      const why = differs(step.expect ?? {}, await runner.step(source, step));
      if (why) return `step ${number}, ${step.do}: ${why}`;
    }
    return undefined;
  } finally {
    runner.close();
  }
}

class Runner {
  #engine;
  #MaskinportenError;
  #clients = [];
  #flows = new Map(); // name -> {handle, grants}
  #jtis = new Set();

  constructor(engine, MaskinportenError) {
    this.#engine = engine;
    this.#MaskinportenError = MaskinportenError;
  }

  #told(call) {
    return told(call, this.#MaskinportenError);
  }

  close() {
    for (const client of this.#clients) this.#engine.clientFree(client);
    for (const { handle, freed } of this.#flows.values()) if (!freed) this.#engine.flowFree(handle);
  }

  async outcome(operation, one) {
    if (operation === "client") return this.#told(() => this.#client(one));
    if (operation === "source") {
      const client = this.#client(one);
      return this.#told(() => this.#engine.sourceNew(client, one.request_text === undefined ? JSON.stringify(one.request) : textOf(one.request_text)));
    }
    if (operation === "cache_key") {
      const keys = [one, { ...one, ...one.other }].map((side) => this.#engine.sourceKey(this.source(side)));
      for (const key of keys) assert.match(key, /^[0-9a-f]{64}$/);
      return { same: keys[0] === keys[1] };
    }
    const flow = this.#flow("a", this.source(one));
    if (operation === "grant") return this.#next(flow);
    if (operation === "acquire") return this.#acquire(flow, one.signatures ?? [{ bytes: 256 }], one.answers);
    throw new Error(`there is no operation ${operation}`);
  }

  #client(one) {
    const client = this.#engine.clientNew(one.config_text === undefined ? JSON.stringify(one.config) : textOf(one.config_text));
    this.#clients.push(client);
    return client;
  }

  source(one) {
    return this.#engine.sourceNew(this.#client(one), JSON.stringify(one.request));
  }

  #flow(name, source) {
    if (!this.#flows.has(name)) this.#flows.set(name, { handle: this.#engine.flowNew(source), grants: [] });
    return this.#flows.get(name);
  }

  #next(flow) {
    let step;
    try {
      step = JSON.parse(this.#engine.flowNext(flow.handle));
    } catch (error) {
      return failure(error, this.#MaskinportenError);
    }
    if (step.step === "sign") return this.#grant(flow, step);
    if (step.step === "send") return { ...step, body: named(flow, step.body) };
    if (step.step === "failed") return { step: "failed", ...failure(new this.#MaskinportenError(step.error), this.#MaskinportenError) };
    if (step.step !== "done") return step;
    const { requested_at_ms: from, expires_at_ms: to, usable_until_ms: until } = step.token;
    return { step: "done", ...step.token, life_s: (to - from) / 1000, usable_s: (until - from) / 1000 };
  }

  /** Takes a signing input apart, and checks the rules of iat, exp and jti. */
  #grant(flow, step) {
    const input = step.signing_input;
    const [header, { iat, exp, jti, ...claims }] = [0, 1].map((number) => jwsPart(input, number));
    if (flow.grants.at(-1) !== input) {
      flow.grants.push(input);
      const age = Date.now() / 1000 - iat;
      assert.ok(age >= 0 && age <= 10, `iat is ${age} s old`);
      assert.ok(jti.length >= 22 && !this.#jtis.has(jti), "the jti is short or was used before");
      this.#jtis.add(jti);
    }
    return { ...step, header, claims, life_s: exp - iat };
  }

  async #acquire(flow, signatures, answers) {
    const requests = [];
    for (let signs = 0, turns = 0; turns < 100; turns++) {
      const step = this.#next(flow);
      if (step.step === "sign") {
        const { bytes, fail } = signatures[Math.min(signs++, signatures.length - 1)];
        if (fail) this.#failed(flow, fail);
        else this.#told(() => this.#engine.flowSigned(flow.handle, new Uint8Array(bytes))); // what is wrong with it is the next step's to tell
      } else if (step.step === "send") {
        this.#received(flow, answers[Math.min(requests.length, answers.length - 1)]);
        requests.push(step);
      } else if (step.step === "wait") await pause(step.wait_ms);
      else return { ...step, sent: requests.length, requests };
    }
    throw new Error("the flow does not end");
  }

  /** Does one line of a script. */
  async step(source, step) {
    const flow = () => this.#flow(step.flow ?? "a", source);
    switch (step.do) {
      case "next":
        return this.#next(flow());
      case "signed":
        return this.#told(() => this.#engine.flowSigned(flow().handle, new Uint8Array(Math.max(step.bytes ?? 256, 0))));
      case "received":
        return this.#told(() => this.#received(flow(), step.answer));
      case "failed":
        return this.#told(() => this.#failed(flow(), step.fail));
      case "wait":
        return this.#wait(flow());
      case "free":
        flow().freed = true;
        return this.#told(() => this.#engine.flowFree(flow().handle));
      case "peek": {
        const token = this.#engine.peek(source);
        const [usable, due] = this.#engine.lease;
        return token === undefined ? { code: "no_token" } : { access_token: token, usable_ms: usable, refresh_due: due === 1 };
      }
      case "invalidate":
        return this.#told(() => this.#engine.invalidate(source, step.access_token));
    }
    throw new Error(`there is no verb ${step.do}`);
  }

  async #wait(flow) {
    for (let total = 0; ; ) {
      const step = this.#next(flow);
      if (step.step !== "wait") return { wait_ms: total };
      total += step.wait_ms;
      await pause(step.wait_ms);
    }
  }

  #failed(flow, reason) {
    this.#engine.flowFailed(flow.handle, JSON.stringify(reason));
  }

  #received(flow, { fail, status, headers = {}, body }) {
    if (fail) this.#failed(flow, fail);
    else this.#engine.flowReceived(flow.handle, JSON.stringify({ status, headers }), bytesOf(body));
  }
}

/** Writes <grant n> for the n-th grant with a signature of zeros. */
function named({ grants }, body) {
  for (const [number, grant] of grants.entries()) {
    const [before, signature] = body.split(`${grant}.`);
    if (signature !== undefined && /^A*$/.test(signature)) return `${before}<grant ${number + 1}>`;
  }
  return body;
}
