import { BoundClient } from "./client.js";
import { diagnose, readCertificate } from "./diagnosis.js";
import { toJSON } from "./settings.js";

/**
 * Makes the public names of an entry point out of a function that gives its engine.
 *
 * @param {() => object} engine
 * @param {object} [runtime] what the runtime wants
 * @param {boolean} [runtime.sharesPromises] false where a promise that was made for one request may
 *   not be awaited in another, as in Workers: every call then drives its own flow and waits by its
 *   own timers, and the core lets only one of them send
 * @param {(promise: Promise<unknown>) => void} [runtime.waitUntil] keeps the runtime alive for work that nobody awaits
 * @param {object} [runtime.sendOnce] options that keep fetch from sending a request twice by itself
 */
export function bind(engine, { sharesPromises = true, waitUntil = () => {}, sendOnce = {} } = {}) {
  class Client extends BoundClient {
    constructor(config) {
      super(engine(), { sharesPromises, waitUntil, sendOnce }, config);
    }
  }
  function generateKey(options = {}) {
    const { kid, public_jwk: publicJwk, private_jwk: privateJwk, pem } = JSON.parse(engine().keyGenerate(toJSON(options)));
    return { kid, publicJwk, privateJwk, pem };
  }
  return {
    Client,
    generateKey,
    diagnose: (config, request) => diagnose(engine(), config, request),
    readCertificate: (certificates) => readCertificate(engine(), certificates),
  };
}

/** Gives the same engine every time, made at the first. */
export function once(make) {
  let made;
  return () => (made ??= make());
}
