// The few parts of a test runner and of an assertion library that the suite
// needs, for runtimes that have none. It imports nothing.

let names = [];
let cases = [];

export function describe(name, define) {
  names.push(name);
  define();
  names.pop();
}

/**
 * @param {string} name
 * @param {{skip?: string | false} | Function} options skip: the reason why this runtime cannot run it
 * @param {(t: {after: (cleanup: () => unknown) => void}) => unknown} [run]
 */
export function test(name, options, run) {
  if (typeof options === "function") [options, run] = [{}, options];
  cases.push({ name: [...names, name].join(": "), skip: options.skip || undefined, run });
}

/** The cases that `define` describes. */
export function collect(define) {
  [names, cases] = [[], []];
  define();
  return cases;
}

/** Runs one case: {outcome: "passed" | "skipped" | "failed", why}. */
export async function runCase({ skip, run }, prepare = () => {}, limit = 60_000) {
  if (skip) return { outcome: "skipped", why: skip };
  const cleanups = [];
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`it took more than ${limit} ms`)), limit); });
  try {
    await prepare();
    await Promise.race([run({ after: (cleanup) => cleanups.push(cleanup) }), late]);
    return { outcome: "passed" };
  } catch (error) {
    return { outcome: "failed", why: String(error?.stack ?? error) };
  } finally {
    clearTimeout(timer);
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

class AssertionError extends Error {}

function fail(message, fallback) {
  if (message instanceof Error) throw message;
  throw new AssertionError(message === undefined ? fallback : `${message} (${fallback})`);
}

const show = (value) => {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value, (_, member) => (typeof member === "bigint" ? `${member}n` : member === undefined ? "undefined" : member)) ?? String(value);
  } catch {
    return String(value);
  }
};

/** Whether two values have the same structure: primitives, arrays, bytes, dates and plain objects. */
export function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b) || ArrayBuffer.isView(a) !== ArrayBuffer.isView(b)) return false;
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Error || b instanceof Error) return false;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  return left.length === right.length && left.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

/** Whether an error is as expected: a class, a function that says so, a pattern, or members. */
function fits(error, expected) {
  if (expected === undefined) return true;
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected === "function") {
    return expected === Error || expected.prototype instanceof Error ? error instanceof expected : expected(error) === true;
  }
  return Object.entries(expected).every(([name, want]) => (want instanceof RegExp ? want.test(error?.[name]) : same(error?.[name], want)));
}

function caught(error, expected, message) {
  if (!fits(error, expected)) fail(message, `not the error expected: ${error?.stack ?? show(error)} ${show(error?.code)}`);
}

export const assert = {
  ok: (value, message) => value || fail(message, `${show(value)} is not true`),
  equal: (got, want, message) => Object.is(got, want) || fail(message, `${show(got)} is not ${show(want)}`),
  notEqual: (got, want, message) => Object.is(got, want) && fail(message, `both are ${show(want)}`),
  deepEqual: (got, want, message) => same(got, want) || fail(message, `${show(got)} is not ${show(want)}`),
  match: (text, pattern, message) => pattern.test(text) || fail(message, `${show(text)} does not match ${pattern}`),
  doesNotMatch: (text, pattern, message) => pattern.test(text) && fail(message, `${show(text)} matches ${pattern}`),
  fail: (message) => fail(message, "failed"),
  throws(call, expected, message) {
    try {
      call();
    } catch (error) {
      return caught(error, expected, message);
    }
    fail(message, "nothing was thrown");
  },
  async rejects(promise, expected, message) {
    try {
      await (typeof promise === "function" ? promise() : promise);
    } catch (error) {
      return caught(error, expected, message);
    }
    fail(message, "it was not rejected");
  },
};

/** The bytes of a base64 or base64url text. */
export function base64Bytes(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
}

/** The JSON in one part of a compact JWS. */
export function jwsPart(jws, number) {
  return JSON.parse(new TextDecoder().decode(base64Bytes(jws.split(".")[number])));
}

/** A promise and the functions that settle it. */
export function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
