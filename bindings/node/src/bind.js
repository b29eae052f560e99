import { BoundClient } from "./client.js";
import { toJSON } from "./settings.js";

/** Makes the public names of an entry point out of a function that gives its engine. */
export function bind(engine) {
  class Client extends BoundClient {
    constructor(config) {
      super(engine(), config);
    }
  }
  function generateKey(options = {}) {
    const { kid, public_jwk: publicJwk, private_jwk: privateJwk, pem } = JSON.parse(engine().keyGenerate(toJSON(options)));
    return { kid, publicJwk, privateJwk, pem };
  }
  return { Client, generateKey };
}

/** Gives the same engine every time, made at the first. */
export function once(make) {
  let made;
  return () => (made ??= make());
}
