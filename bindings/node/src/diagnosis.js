import { base64, bytesOf, camel, keyJSON, own, requestJSON, toJSON } from "./settings.js";
import { Keys } from "./signing.js";

const encoder = new TextEncoder();

/** What is wrong with a configuration and a request, what is unusual, and what to do. Nothing is sent. */
export function diagnose(engine, config, request) {
  const { key, signer, nextKeys, fetch, store, onEvent, storeKey, ...registration } = own(config, "diagnose()");
  const asked = toJSON({
    ...registration,
    storeKey: base64(storeKey),
    key: wholeKey(engine, signer ?? key),
    nextKeys: nextKeys?.map((next) => wholeKey(engine, next)),
  });
  const { environment, key: found, ...report } = JSON.parse(engine.diagnose(asked, request === undefined ? "" : requestJSON(request)));
  return { ...report, environment: camel(environment), key: camel(found) };
}

/** A key with its private part, which is looked at too; only the face of one that signs elsewhere. */
function wholeKey(engine, key) {
  if (key === undefined) return undefined;
  if (typeof key?.sign === "function") return new Keys(engine, { signer: key }).key;
  const options = own(key, "key");
  return options.cryptoKey === undefined ? JSON.parse(keyJSON(options)) : new Keys(engine, { key: options }).key;
}

/** Whose certificates these are (PEM or DER), and what would make Maskinporten refuse them. */
export function readCertificate(engine, certificates) {
  const bytes = typeof certificates === "string" ? encoder.encode(certificates) : (bytesOf(certificates) ?? new Uint8Array(0));
  const { certificates: found, problems } = JSON.parse(engine.certificateRead(bytes));
  return { certificates: found.map(camel), problems };
}
