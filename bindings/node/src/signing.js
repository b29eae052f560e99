import { localError } from "./errors.js";

const { toString } = Object.prototype;
const hashes = { RS256: "SHA-256", RS384: "SHA-384", RS512: "SHA-512" };

/**
 * A signer that keeps a private key in WebCrypto, where it cannot be read out
 * again and signs off the main thread.
 * @param {"RS256" | "RS384" | "RS512"} alg
 * @param {string} pkcs8 base64 DER, as mp_key_read gives it
 */
export function webCryptoSigner(alg, pkcs8) {
  const { subtle } = globalThis.crypto;
  const der = Uint8Array.from(atob(pkcs8), (character) => character.charCodeAt(0));
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: hashes[alg] };
  const imported = subtle.importKey("pkcs8", der, algorithm, false, ["sign"]).finally(() => der.fill(0));
  imported.catch(() => {}); // reported by the first signature
  return async (bytes) => new Uint8Array(await subtle.sign(algorithm.name, await imported, bytes));
}

/** Wraps the user's own signer, so that it always gives bytes. */
export function customSigner(signer) {
  if (typeof signer.sign !== "function") {
    throw localError(
      "invalid_configuration",
      "signer.sign is not a function",
      "Give signer a function sign(bytes) that returns the RSASSA-PKCS1-v1_5 signature as bytes.",
    );
  }
  return async (bytes) => {
    const signature = await signer.sign(bytes);
    if (ArrayBuffer.isView(signature)) return new Uint8Array(signature.buffer, signature.byteOffset, signature.byteLength);
    if (toString.call(signature) === "[object ArrayBuffer]") return new Uint8Array(signature); // of any realm
    throw new TypeError("signer.sign(bytes) must give the raw signature as an ArrayBuffer or a Uint8Array");
  };
}
