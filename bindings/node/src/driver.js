import { MaskinportenError } from "./errors.js";
import { failureOf, send } from "./sending.js";
import { Token } from "./token.js";
import { sleep, within } from "./waiting.js";

// A signer that never answers must not hold the flow for ever.
const signTimeout = 5000;

const encoder = new TextEncoder();

/**
 * Performs the steps of one flow until it has a token. All decisions are the
 * core's; this only signs, sends and waits as told.
 *
 * @param engine the engine that holds the flow
 * @param {bigint} source the source's handle
 * @param {{sign: (bytes: Uint8Array) => Promise<Uint8Array>, fetch: typeof fetch}} means
 * @param {AbortSignal} stop ends the flow when the client is closed
 * @returns {Promise<Token>}
 */
export async function acquire(engine, source, means, stop) {
  const { generation } = engine;
  const flow = engine.flowNew(source);
  try {
    return await perform(engine, flow, means, stop);
  } finally {
    if (engine.generation === generation) engine.flowFree(flow); // else the flow went with its instance
  }
}

async function perform(engine, flow, means, stop) {
  let cause; // what the last step threw, for the error it may lead to
  for (;;) {
    const step = JSON.parse(engine.flowNext(flow));
    if (step.step === "done") return new Token(step.token);
    if (step.step === "failed") throw new MaskinportenError(step.error, cause && { cause });
    if (step.step === "wait") {
      await sleep(step.wait_ms, stop);
      continue;
    }
    cause = await (step.step === "sign" ? signStep : sendStep)(engine, flow, step, means, stop);
  }
}

async function signStep(engine, flow, step, { sign }, stop) {
  let signature;
  try {
    signature = await within(signTimeout, stop, () => sign(encoder.encode(step.signing_input)));
  } catch (error) {
    stop.throwIfAborted();
    const retryable = error?.name === "TimeoutError" || error?.retryable === true;
    engine.flowFailed(flow, JSON.stringify({ code: "signing_failed", message: messageOf(error), retryable }));
    return error;
  }
  engine.flowSigned(flow, signature);
}

async function sendStep(engine, flow, step, { fetch }, stop) {
  let answer;
  try {
    answer = await within(step.timeout_ms, stop, (signal) => send(fetch, step, signal));
  } catch (error) {
    stop.throwIfAborted();
    engine.flowFailed(flow, JSON.stringify(failureOf(error)));
    return error;
  }
  engine.flowReceived(flow, JSON.stringify(answer.head), answer.body);
}

function messageOf(error) {
  return String(error?.message ?? error);
}
