// The types of every entry point. They need neither the DOM library nor
// @types/node; where one of them is there, its fetch is the one in use.

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

/** The platform's fetch, or as much of it as this package needs. */
export type Fetch = typeof globalThis extends { fetch: infer F extends (...args: any[]) => Promise<any> }
  ? F
  : (input: string, init?: any) => Promise<any>;

/** As much of an AbortSignal as waiting needs. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: any;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export type Algorithm = "RS256" | "RS384" | "RS512";

/** An installation of Maskinporten. */
export interface Environment {
  /** The issuer identifier, with its trailing slash: it becomes the grant's `aud`. */
  issuer: string;
  tokenEndpoint: string;
  metadataUrl?: string;
  customsTokenEndpoint?: string;
  customsTestAuth?: string;
  /** Permits plain http to this machine, for the sandbox. */
  allowLoopbackHttp?: boolean;
}

interface KeyOptions {
  /** The id of the key in Maskinporten's self-service. Leave it out for a virksomhetssertifikat. */
  kid?: string;
  /** Default RS256. */
  alg?: Algorithm;
}

interface ChainOptions extends KeyOptions {
  /** The certificates of a virksomhetssertifikat, leaf first, each in base64 DER. This or `kid`. */
  x5c?: string[];
}

/** A private RSA key of at least 2048 bits. Files may be given as text or as their bytes. */
export type Key =
  | (KeyOptions & {
      /** PKCS#8 or PKCS#1, with or without a password. */
      pem: string | Uint8Array;
      password?: string;
      /** The certificates of a virksomhetssertifikat in PEM, if they are not in `pem`. */
      certificateChain?: string | Uint8Array;
    })
  | (KeyOptions & {
      /** The private JWK, as an object or its JSON text. */
      jwk: string | Uint8Array | Record<string, unknown>;
    })
  | (KeyOptions & {
      /** The bytes of the file, or their base64. */
      pkcs12: Uint8Array | string;
      password?: string;
    })
  | (ChainOptions & {
      /** A private key of WebCrypto for RSASSA-PKCS1-v1_5 and signing; it need not be extractable. */
      cryptoKey: CryptoKeyLike;
      /** When the key or certificate ends; the event key_expiring warns of it. */
      notAfter?: Date;
    })
  | (ChainOptions & {
      /** A private key of node:crypto. */
      keyObject: KeyObjectLike;
    });

/** As much of a CryptoKey as tells one. */
export interface CryptoKeyLike {
  readonly type: string;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/** As much of a KeyObject as tells one. */
export interface KeyObjectLike {
  readonly type: string;
  export(options: { type: "pkcs8"; format: "pem" }): string | Uint8Array;
}

/** Signs with a key that this package never sees: a KMS, an HSM. Exactly one of kid and x5c. */
export interface Signer {
  /** Default RS256. */
  alg?: Algorithm;
  kid?: string;
  /** The certificate chain, leaf first, each in base64 DER. */
  x5c?: string[];
  /** The length of a signature in bytes, 256 for a 2048-bit key; checked if given. */
  signatureSize?: number;
  /** When the key or certificate ends; the event key_expiring warns of it. */
  notAfter?: Date;
  /**
   * Returns the RSASSA-PKCS1-v1_5 signature of the bytes, hashed as alg says,
   * within five seconds. What it throws becomes the `cause` of the error, and is
   * tried once more if its `retryable` is true.
   */
  sign(bytes: Uint8Array): Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>;
}

/** The keys of a client: one to sign with, and those to fall back to. */
export interface Keys {
  /** This, or `signer`. */
  key?: Key;
  signer?: Signer;
  /** Used in their order when Maskinporten says that a key is expired or unknown, each once. */
  nextKeys?: (Key | Signer)[];
}

/**
 * A store that several processes share, such as a Cloudflare KV namespace as it
 * is. What it holds is encrypted with storeKey. A call that fails, or takes more
 * than two seconds, costs a request to Maskinporten and is told to onEvent.
 */
export interface Store {
  /** What was put under the key, or null or undefined. */
  get(key: string): StoreEntry | Promise<StoreEntry>;
  /** Keeps the entry under the key for at least so many seconds, never less than 60. */
  put(key: string, entry: string, options: { expirationTtl: number }): unknown;
}

type StoreEntry = string | Uint8Array | null | undefined;

export interface ClientConfig extends Keys {
  environment: "test" | "production" | "skyporten-test" | "skyporten" | Environment;
  /** The client id (UUID) in Maskinporten's self-service. */
  clientId: string;
  /** A European business without a registration, which signs with its eSeal. Its key has the chain and no kid. */
  eseal?: boolean;
  /** Sends every request, also those of source.fetch(). Default: the global fetch. */
  fetch?: Fetch;
  /** The life of a grant. Default 60, at most 120. */
  grantLifeSeconds?: number;
  /** How many tokens are kept. Default 10000. */
  cacheLimit?: number;
  /** A call with a `signal` waits for the next attempt after a failure that may pass, until its signal ends it. */
  waitWhileFailing?: boolean;
  /** Shares tokens with other processes. Goes with `storeKey`. */
  store?: Store;
  /** 32 bytes, or their base64: the same to every process that shares the store. */
  storeKey?: Uint8Array | string;
  /** Is told what happens, for logs, metrics and an audit trail. What it throws changes nothing but is shown as a warning. */
  onEvent?: (event: Event) => void;
}

/** Something that happened. Members that do not apply are absent; none ever holds a secret. */
export interface Event {
  event:
    | "acquisition_started"
    | "acquisition_ended"
    | "attempt"
    | "retry"
    | "served_while_failing"
    | "clock_skew"
    | "keys_rotated"
    | "key_fallback"
    | "key_expiring"
    | "store_failed"
    | (string & {});
  time: Date;
  /** The same for all events of one acquisition. */
  requestId?: string;
  /** The source's `key`. */
  source?: string;
  scopes?: string[];
  consumerOrg?: string;
  exchange?: string;
  /** The kid, or the thumbprint of the certificate, that signs. */
  kid?: string;
  jti?: string;
  /** A renewal ahead of time, for which nobody waits. */
  background?: boolean;
  attempt?: number;
  /** The HTTP status of an attempt. */
  status?: number;
  durationMs?: number;
  waitMs?: number;
  /** How far this machine's clock is behind the server's. */
  offsetMs?: number;
  /** When the token or the key ends. */
  until?: Date;
  error?: MaskinportenError;
}

/** How a client stands, for health checks. */
export interface Status {
  keys: {
    kid?: string;
    /** SHA-256 of the certificate, hexadecimal, of a key without kid. */
    x5tS256?: string;
    alg: Algorithm;
    notAfter?: Date;
    /** The next grant is signed with it. */
    active: boolean;
  }[];
  /** What is added to this machine's clock in grants. */
  clockOffsetMs: number;
  /** How many tokens are kept, and how many at most. */
  tokens: number;
  cacheLimit: number;
}

interface ExchangeOptions {
  /** What errors and events call it. */
  name?: string;
}

/** Exchanges Maskinporten's token for one of Norwegian Customs. */
export interface CustomsExchange extends ExchangeOptions {
  type: "customs";
  /** Default: the one that belongs to the environment. */
  tokenEndpoint?: string;
}

/** Exchanges Maskinporten's token for one of Altinn. */
export type AltinnExchange = ExchangeOptions & {
  type: "altinn";
  /** Makes the test organization ttd of Digdir's own token. */
  test?: boolean;
} & ({ environment: "prod" | "tt02" | "at21" | "at22" | "at23" | "at24" | "yt01" } | { endpoint: string });

/** Exchanges a token after RFC 8693, without client authentication. */
export interface TokenExchange extends ExchangeOptions {
  type: "token_exchange";
  tokenEndpoint: string;
  audience?: string[];
  resource?: string[];
  scopes?: string[];
  subjectTokenType?: string;
  requestedTokenType?: string;
}

export type Exchange = "customs" | CustomsExchange | AltinnExchange | TokenExchange;

/** What a token is asked for. Give `scopes`, or `scope` for a single one. */
export interface TokenRequest {
  scopes?: string[];
  scope?: string;
  /** The API the token is for; it becomes the token's `aud`. */
  resource?: string | string[];
  /** The customer that has delegated the scope in Altinn: nine digits. */
  consumerOrg?: string;
  /** The person the token is for: eleven digits. */
  pid?: string;
  /** Altinn's system user of a customer. */
  systemUser?: { org: string; externalRef?: string };
  /** A consent that a person or an organization has given in Altinn; `from` is their URN. */
  consent?: { id: string; from: string };
  /** @deprecated by Digdir: use consumerOrg. */
  issOnbehalfof?: string;
  /** Claims that this package does not know, at most 16 KiB of JSON. */
  extraClaims?: Record<string, unknown>;
  /** One, or several in their order. */
  exchange?: Exchange | Exchange[];
}

/** An access token. It prints, inspects and turns to JSON without its secret. */
export interface Token {
  /** The secret. */
  readonly accessToken: string;
  readonly tokenType: string;
  /** What was granted, separated by spaces. */
  readonly scope: string;
  /** When it ends. The cache stops handing it out a little before. */
  readonly expiresAt: Date;
  /** The secret as the value of an Authorization header: "Bearer …". */
  readonly header: string;
}

/** "A valid token for this, now." Sources of one client with equal requests share one token. */
export interface Source {
  /**
   * A valid token: from the cache while it holds, fetched otherwise. One fetch
   * runs however many callers wait. A token that is due is returned at once and
   * renewed in the background.
   * @param options.signal ends this wait at once and nothing else; rejects with its reason
   * @param options.waitUntil gets the promise of a renewal in the background: on Workers, that of the execution context
   * @throws MaskinportenError
   */
  token(options?: { signal?: Signal | null | undefined; waitUntil?: (promise: Promise<unknown>) => void }): Promise<Token>;
  /** The cached access token, or undefined. Never waits or fetches. */
  peek(): string | undefined;
  /**
   * Calls an API with the token. After a 401 the token is dropped and, if the
   * body can be sent again, the call repeated once with a new one.
   */
  fetch: Fetch;
  /** Drops the cached token if it is this one: call it after an API answered 401 to it. */
  invalidate(token: Token): void;
  /** The cache key: 64 hexadecimal digits, equal for sources that share a token. A rotation changes it. */
  readonly key: string;
  /** Frees the source. The token stays with the client. */
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One client registration at Maskinporten. Keep one for the life of the program. */
export class Client {
  /** @throws MaskinportenError with everything that is wrong; nothing is sent. */
  constructor(config: ClientConfig);
  /**
   * A client of the NAIS variables MASKINPORTEN_CLIENT_ID, MASKINPORTEN_CLIENT_JWK,
   * MASKINPORTEN_ISSUER, MASKINPORTEN_TOKEN_ENDPOINT and MASKINPORTEN_WELL_KNOWN_URL, and of two
   * that a sandbox gives: MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT, and
   * MASKINPORTEN_ALLOW_LOOPBACK_HTTP=true, which permits plain http to this machine.
   * @param overrides settings that are taken instead of what the variables say
   * @param variables default process.env
   */
  static fromEnv(
    overrides?: Partial<Omit<ClientConfig, "environment">> & { environment?: "test" | "production" | Partial<Environment> },
    variables?: Record<string, string | undefined>,
  ): Client;
  /** @throws MaskinportenError with everything that is wrong; nothing is sent. */
  source(request: TokenRequest): Source;
  /**
   * New keys, from now on. No token that the old keys got is handed out
   * afterwards; who waits for one gets a new one instead, and no call fails for it.
   * @throws MaskinportenError and changes nothing
   */
  rotate(keys: Keys): void;
  /** How the client stands. Never waits. */
  status(): Status;
  /** What does the work: "native", "wasip1" or "js". */
  readonly engine: string;
  /** Ends the client. Everybody who waits gets the code "closed". */
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A new RSA key. Register publicJwk; keep the rest secret. */
export function generateKey(options?: { bits?: number; kid?: string; alg?: Algorithm }): {
  kid: string;
  publicJwk: Record<string, string>;
  privateJwk: Record<string, string>;
  /** PKCS#8 */
  pem: string;
};

/**
 * What is wrong with a configuration and a request, what is unusual about them,
 * and what to do. Nothing is sent or signed.
 */
export function diagnose(config: Partial<ClientConfig>, request?: TokenRequest): Diagnosis;

export interface Diagnosis {
  /** No finding is an error. */
  ok: boolean;
  findings: { severity: "error" | "warning" | "note"; field: string; message: string; remedy: string }[];
  environment: Partial<Environment> & { name?: string };
  /** `signs`: its private part was given. Empty if the key cannot be read. */
  key: { kid?: string; x5tS256?: string; alg?: Algorithm; keyBits?: number; notAfter?: Date; organizationNumber?: string; signs?: boolean };
  /** The claims of a grant for the request, without iat, exp and jti; what is personal is redacted. */
  claims?: Record<string, unknown>;
}

/**
 * Whose certificates these are, and how long they hold.
 * @param certificates PEM or DER, one or a chain; a private key beside them in PEM is passed over
 * @throws MaskinportenError if there is no certificate, or one that cannot be read
 */
export function readCertificate(certificates: string | Uint8Array): {
  certificates: {
    subject: string;
    issuer: string;
    /** Hexadecimal. */
    serialNumber: string;
    notBefore: Date;
    notAfter: Date;
    /** Nine digits, of a Norwegian organization. */
    organizationNumber?: string;
    /** Such as "NTRNO-310702641". */
    organizationIdentifier?: string;
    /** Of the certificate, hexadecimal. */
    sha256: string;
    keyBits: number;
  }[];
  /** What makes Maskinporten refuse them as the chain of a grant now. */
  problems: { field: string; message: string; remedy: string }[];
};

/** Everything that goes wrong. No member ever holds a token, a grant or a key. */
export class MaskinportenError extends Error {
  private constructor();
  /** Stable, for programs: "key_expired", "scope_not_registered", … */
  readonly code: string;
  /** The code's number in the C ABI. */
  readonly number: number;
  /** Whose fault it is: ours, the server's, or the network's. */
  readonly kind: "local" | "remote" | "transport";
  /** What to do next, in one sentence. */
  readonly remedy: string;
  /** The same call may succeed later without a change. */
  readonly retryable: boolean;
  /** All that is wrong with a configuration or a request. */
  readonly problems: readonly { field: string; message: string; remedy: string }[];
  /** The `error` of the answer (RFC 6749 §5.2). */
  readonly oauthError?: string;
  /** The `error_description` of the answer. */
  readonly description?: string;
  /** Maskinporten's own code, such as "MP-121". */
  readonly mpCode?: string;
  /** The HTTP status of the answer. */
  readonly status?: number;
  /** What Digdir's support asks for. */
  readonly traceId?: string;
  /** How many requests were sent. */
  readonly attempts?: number;
  /** When the cache will ask again; until then the same error comes at once. */
  readonly nextAttempt?: Date;
}
