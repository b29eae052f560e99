import { localError } from "./errors.js";

const decoder = new TextDecoder();

/**
 * Turns options in JavaScript's case into the JSON of the core, which judges
 * every name and value.
 */
export function toJSON(options) {
  return JSON.stringify(plain(options, "options", 0, snake));
}

const deepest = 16; // no setting lies deeper; also ends a circle
const verbatim = ["jwk", "extraClaims"]; // the names in them are somebody else's

const asItIs = (name) => name;
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function plain(value, where, depth, rename) {
  // JSON would leave these out or turn them into null without a word.
  if (["bigint", "symbol", "function"].includes(typeof value) || (typeof value === "number" && !Number.isFinite(value))) {
    const what = typeof value === "number" ? value : `a ${typeof value}`;
    throw localError("invalid_argument", `${where}: ${what} is not a value for a setting`, "Use text, plain numbers, booleans, arrays and objects.");
  }
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) throw localError("invalid_argument", `${where}: bytes are not a value for a setting`, "Give text.");
  if (depth === deepest) throw localError("invalid_argument", `${where} is nested too deep`, "Give the settings as the README shows them.");
  if (typeof value.toJSON === "function") return plain(value.toJSON(), where, depth + 1, rename); // a Date, as JSON has it
  if (Array.isArray(value)) return value.map((member) => plain(member, where, depth + 1, rename));
  const renamed = Object.create(null); // where "__proto__" is a name like any other
  for (const [name, member] of Object.entries(value)) {
    renamed[rename(name)] = plain(member, name, depth + 1, verbatim.includes(name) ? asItIs : rename);
  }
  return renamed;
}

/** The request of a source, from the options of client.source(). */
export function requestJSON(options) {
  const { scope, scopes = list(scope), resource, exchange, ...rest } = own(options, "client.source()");
  return toJSON({
    scopes,
    resource: list(resource),
    exchanges: list(exchange)?.map((hop) => (typeof hop === "string" ? { type: hop } : hop)),
    ...rest,
  });
}

function list(value) {
  return value === undefined || value === null || Array.isArray(value) ? value : [value];
}

/** The "key" member of a configuration that holds a private key. */
export function keyJSON(key) {
  const { pem, jwk, pkcs12, keyObject, certificateChain, x5c, ...rest } = key;
  return toJSON({
    pem: keyObject === undefined ? text(pem) : exported(keyObject),
    jwk: typeof jwk === "string" || bytesOf(jwk) ? parseJWK(text(jwk)) : jwk,
    pkcs12: base64(pkcs12),
    certificateChain: keyObject !== undefined && Array.isArray(x5c) ? pemOf(x5c) : text(certificateChain),
    ...(keyObject === undefined && { x5c }), // for the core to refuse
    ...rest,
  });
}

const upper = (_, letter) => letter.toUpperCase();

/** The members of an object of the core in this language's case, and points in time as dates. */
export function camel(detail) {
  const renamed = {};
  for (const [name, value] of Object.entries(detail)) {
    const point = /^(not_before|not_after)_ms$/.exec(name);
    renamed[(point?.[1] ?? name).replace(/[_#]([a-zA-Z])/g, upper)] = point ? new Date(value) : value;
  }
  return renamed;
}

/** What an options argument has of its own: nothing that somebody put on Object.prototype. */
export function own(value, where) {
  return Object.assign(Object.create(null), object(value, where));
}

export function object(value, where) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw localError("invalid_argument", `${where} takes an object with options`, "See the README for the options.");
  }
  return value;
}

/** A view as bytes, in place; undefined for everything else. Of any realm, and of a pool. */
export function bytesOf(value) {
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : undefined;
}

/** Text that may come as the bytes of a file; everything else is for the core to refuse. */
function text(value) {
  const bytes = bytesOf(value);
  return bytes ? decoder.decode(bytes.slice()) : value; // a copy: shared memory is not decoded
}

/** Base64 of bytes; it may be given as such. */
export function base64(value) {
  const bytes = bytesOf(value);
  if (!bytes) return value;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function exported(keyObject) {
  if (keyObject?.type !== "private" || typeof keyObject.export !== "function") {
    throw localError("invalid_key", "key.keyObject is not a private KeyObject", "Give what createPrivateKey() of node:crypto returns.");
  }
  return keyObject.export({ type: "pkcs8", format: "pem" });
}

function pemOf(chain) {
  return chain.map((der) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`).join("");
}

function parseJWK(json) {
  try {
    return JSON.parse(json);
  } catch {
    // Not the parser's own error: it quotes the text, which is a private key.
    throw localError(
      "invalid_configuration",
      "key.jwk: the text is not JSON",
      "Give the private JWK as an object or as its JSON text, unquoted and whole.",
    );
  }
}

/** The configuration that the variables of the NAIS platform describe. */
export function fromVariables(variables, overrides) {
  const environment = {
    issuer: variables.MASKINPORTEN_ISSUER,
    tokenEndpoint: variables.MASKINPORTEN_TOKEN_ENDPOINT,
    metadataUrl: variables.MASKINPORTEN_WELL_KNOWN_URL,
    customsTokenEndpoint: variables.MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT,
    allowLoopbackHttp: variables.MASKINPORTEN_ALLOW_LOOPBACK_HTTP === "true",
  };
  const named = typeof overrides.environment === "string";
  const needed = { MASKINPORTEN_CLIENT_ID: overrides.clientId, MASKINPORTEN_CLIENT_JWK: overrides.key ?? overrides.signer };
  if (!named) {
    needed.MASKINPORTEN_ISSUER = overrides.environment?.issuer;
    needed.MASKINPORTEN_TOKEN_ENDPOINT = overrides.environment?.tokenEndpoint;
  }
  const missing = Object.keys(needed).filter((name) => !needed[name] && !variables[name]);
  if (missing.length > 0) {
    throw localError(
      "invalid_configuration",
      `not set in the environment: ${missing.join(", ")}`,
      "Set them, or give the same settings to new Client().",
    );
  }
  return {
    clientId: variables.MASKINPORTEN_CLIENT_ID,
    ...(needed.MASKINPORTEN_CLIENT_JWK ? {} : { key: { jwk: variables.MASKINPORTEN_CLIENT_JWK } }),
    ...overrides,
    environment: named ? overrides.environment : { ...environment, ...overrides.environment },
  };
}
