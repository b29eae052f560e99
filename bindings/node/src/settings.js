import { localError } from "./errors.js";

/**
 * Turns options in JavaScript's case into the JSON of the core, which judges
 * every name and value. A JWK is somebody else's format and stays as it is.
 */
export function toJSON(options) {
  return JSON.stringify(snake(options, "options", 0));
}

const deepest = 16; // no setting lies deeper; also ends a circle

function snake(value, where, depth) {
  // JSON would leave these out or turn them into null without a word.
  if (["bigint", "symbol", "function"].includes(typeof value) || (typeof value === "number" && !Number.isFinite(value))) {
    const what = typeof value === "number" ? value : `a ${typeof value}`;
    throw localError("invalid_argument", `${where}: ${what} is not a value for a setting`, "Use text, plain numbers, booleans, arrays and objects.");
  }
  if (value === null || typeof value !== "object") return value;
  if (depth === deepest) throw localError("invalid_argument", `${where} is nested too deep`, "Give the settings as the README shows them.");
  if (Array.isArray(value)) return value.map((member) => snake(member, where, depth + 1));
  const renamed = Object.create(null); // where "__proto__" is a name like any other
  for (const [name, member] of Object.entries(value)) {
    renamed[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = name === "jwk" ? member : snake(member, name, depth + 1);
  }
  return renamed;
}

/** The request of a source, from the options of client.source(). */
export function requestJSON(options) {
  const { scope, scopes = list(scope), resource, exchange, ...rest } = object(options, "client.source()");
  return toJSON({
    scopes,
    resource: list(resource),
    exchanges: list(exchange)?.map((hop) => (typeof hop === "string" ? { type: hop } : hop)),
    ...rest,
  });
}

function list(value) {
  return value === undefined || Array.isArray(value) ? value : [value];
}

/** The "key" member of a configuration that holds a private key. */
export function keyJSON(key) {
  const { jwk, pkcs12, ...rest } = object(key, "key");
  return toJSON({ jwk: typeof jwk === "string" ? parseJWK(jwk) : jwk, pkcs12: bytesToBase64(pkcs12), ...rest });
}

export function object(value, where) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw localError("invalid_argument", `${where} takes an object with options`, "See the README for the options.");
  }
  return value;
}

function parseJWK(text) {
  try {
    return JSON.parse(text);
  } catch {
    // Not the parser's own error: it quotes the text, which is a private key.
    throw localError(
      "invalid_configuration",
      "key.jwk: the text is not JSON",
      "Give the private JWK as an object or as its JSON text, unquoted and whole.",
    );
  }
}

function bytesToBase64(value) {
  if (!ArrayBuffer.isView(value)) return value; // base64 already, or for the core to refuse
  let binary = "";
  for (const byte of new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) binary += String.fromCharCode(byte);
  return btoa(binary);
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
