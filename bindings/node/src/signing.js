import { localError } from "./errors.js";
import { bytesOf, keyJSON, object, own } from "./settings.js";

const { toString } = Object.prototype;
const rsa = "RSASSA-PKCS1-v1_5";
const hashes = { RS256: "SHA-256", RS384: "SHA-384", RS512: "SHA-512" };

/**
 * The keys of a configuration: their public faces for the core, which signs
 * nothing here, and the functions that sign for them.
 */
export class Keys {
  #signers = new Map(); // what the header of a grant says of its key -> the function
  /** The public faces: of the key that signs, and of those after it. */
  key;
  nextKeys;

  /** @param {{key?: object, signer?: object, nextKeys?: object[]}} given */
  constructor(engine, { key, signer, nextKeys }) {
    if (key !== undefined && signer !== undefined) {
      throw localError("invalid_configuration", "both key and signer are given", "Give key if this package shall sign, or signer if you do.");
    }
    if (nextKeys !== undefined && !Array.isArray(nextKeys)) {
      throw localError("invalid_configuration", "nextKeys is not an array", "Give an array of keys and signers, in the order in which to use them.");
    }
    // Without a key the core says what is missing, with everything else.
    if (key !== undefined) this.key = this.#add(keySigning(engine, own(key, "key")));
    if (signer !== undefined) this.key = this.#add(customSigning(object(signer, "signer")));
    this.nextKeys = nextKeys?.map((next, i) =>
      this.#add(typeof next?.sign === "function" ? customSigning(next) : keySigning(engine, own(next, `nextKeys[${i}]`))),
    );
    Object.freeze(this);
  }

  #add({ face, sign }) {
    this.#signers.set(face.kid ?? face.x5c?.[0], sign);
    return face;
  }

  /** The function that signs for the key that the header of this signing input (RFC 7515 §5.1) names. */
  signerOf(signingInput) {
    const [header] = signingInput.split(".", 1);
    const { kid, x5c } = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
    return this.#signers.get(kid ?? x5c?.[0]);
  }
}

/** A key that this package signs with. */
function keySigning(engine, key) {
  const forms = ["pem", "jwk", "pkcs12", "cryptoKey", "keyObject"].filter((form) => key[form] !== undefined);
  if (forms.length > 1) {
    throw localError("invalid_key", `the key is given in ${forms.length} forms`, `Give one of ${forms.join(" and ")}.`);
  }
  if (key.cryptoKey !== undefined) return cryptoKeySigning(key);
  const { alg, kid, x5c, signature_size: signatureSize, not_after_ms: notAfterMs, pkcs8 } = JSON.parse(engine.keyRead(keyJSON(key)));
  return { face: { alg, kid, x5c, signatureSize, notAfterMs }, sign: webCryptoSigner(alg, pkcs8) };
}

/**
 * A signer that keeps a private key in WebCrypto, where it cannot be read out
 * again and signs off the main thread.
 * @param {"RS256" | "RS384" | "RS512"} alg
 * @param {string} pkcs8 base64 DER, as mp_key_read gives it
 */
function webCryptoSigner(alg, pkcs8) {
  const { subtle } = globalThis.crypto;
  const der = Uint8Array.from(atob(pkcs8), (character) => character.charCodeAt(0));
  const imported = subtle.importKey("pkcs8", der, { name: rsa, hash: hashes[alg] }, false, ["sign"]).finally(() => der.fill(0));
  imported.catch(() => {}); // reported by the first signature
  return async (bytes) => new Uint8Array(await subtle.sign(rsa, await imported, bytes));
}

/** A key that is in WebCrypto already. What it may be used for is settled there. */
function cryptoKeySigning({ cryptoKey, kid, x5c, alg, notAfter, ...rest }) {
  const wrong = (message, remedy) => localError("invalid_key", `key.cryptoKey: ${message}`, remedy);
  const { algorithm, type, usages } = Object(cryptoKey);
  if (type !== "private" || !Array.isArray(usages) || !usages.includes("sign")) {
    throw wrong("it is not a private CryptoKey that may sign", 'Import the private key with the usage ["sign"].');
  }
  const [own] = Object.entries(hashes).find(([, hash]) => hash === algorithm?.hash?.name) ?? [];
  if (algorithm?.name !== rsa || !own) {
    throw wrong(`it is for ${algorithm?.name} with ${algorithm?.hash?.name}`, `Import it for ${rsa} with SHA-256, SHA-384 or SHA-512.`);
  }
  if (alg !== undefined && alg !== own) throw wrong(`it signs ${own}, and alg is ${alg}`, "Leave alg out, or import the key for its hash.");
  const sign = async (bytes) => new Uint8Array(await globalThis.crypto.subtle.sign(rsa, cryptoKey, bytes));
  return { face: { ...rest, alg: own, kid, x5c, signatureSize: algorithm.modulusLength / 8, notAfterMs: milliseconds(notAfter) }, sign };
}

/** The user's own signer, wrapped so that it always gives bytes. */
function customSigning(signer) {
  const { alg, kid, x5c, signatureSize, notAfter } = signer;
  if (typeof signer.sign !== "function") {
    throw localError(
      "invalid_configuration",
      "signer.sign is not a function",
      "Give signer a function sign(bytes) that returns the RSASSA-PKCS1-v1_5 signature as bytes.",
    );
  }
  const sign = async (bytes) => {
    const signature = await signer.sign(bytes);
    const raw = toString.call(signature) === "[object ArrayBuffer]" ? new Uint8Array(signature) : bytesOf(signature); // of any realm
    if (raw) return raw.slice(); // the signer's memory is its own
    throw new TypeError("signer.sign(bytes) must give the raw signature as an ArrayBuffer or a Uint8Array");
  };
  return { face: { alg, kid, x5c, signatureSize, notAfterMs: milliseconds(notAfter) }, sign };
}

/** When a key ends: a Date, or for the core to refuse. */
function milliseconds(notAfter) {
  return typeof notAfter?.getTime === "function" ? notAfter.getTime() : notAfter;
}
