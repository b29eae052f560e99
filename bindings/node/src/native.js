// Node with the shared library, or an error that says why not.
import { bind, once } from "./bind.js";
import { loadNative } from "./engine-native.js";

export { MaskinportenError } from "./errors.js";

export const nativeEngine = once(loadNative);
export const { Client, diagnose, generateKey, readCertificate } = bind(nativeEngine);
