// Compiled where the DOM library is there.
import { Client } from "maskinporten";

declare const cryptoKey: CryptoKey;
new Client({ environment: "test", clientId: "x", key: { cryptoKey, kid: "k", notAfter: new Date() } });
