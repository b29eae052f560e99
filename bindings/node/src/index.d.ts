// The types of every entry point. They need neither the DOM library nor
// @types/node; where one of them is there, its fetch is the one in use.

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
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

/** A private RSA key of at least 2048 bits. */
export type Key =
  | (KeyOptions & {
      /** PKCS#8 or PKCS#1, with or without a password. */
      pem: string;
      password?: string;
      /** The certificates of a virksomhetssertifikat in PEM, if they are not in `pem`. */
      certificateChain?: string;
    })
  | (KeyOptions & {
      /** The private JWK, as an object or its JSON text. */
      jwk: string | Record<string, unknown>;
    })
  | (KeyOptions & {
      /** The bytes of the file, or their base64. */
      pkcs12: Uint8Array | string;
      password?: string;
    });

/** Signs with a key that this package never sees: a KMS, an HSM. Exactly one of kid and x5c. */
export interface Signer {
  /** Default RS256. */
  alg?: Algorithm;
  kid?: string;
  /** The certificate chain, leaf first, each in base64 DER. */
  x5c?: string[];
  /** The length of a signature in bytes, 256 for a 2048-bit key; checked if given. */
  signatureSize?: number;
  /**
   * Returns the RSASSA-PKCS1-v1_5 signature of the bytes, hashed as alg says.
   * What it throws becomes the `cause` of the error, and is tried once more if
   * its `retryable` is true.
   */
  sign(bytes: Uint8Array): Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>;
}

export interface ClientConfig {
  environment: "test" | "production" | Environment;
  /** The client id (UUID) in Maskinporten's self-service. */
  clientId: string;
  /** This, or `signer`. */
  key?: Key;
  signer?: Signer;
  /** Sends every request, also those of source.fetch(). Default: the global fetch. */
  fetch?: Fetch;
  /** The life of a grant. Default 60, at most 120. */
  grantLifeSeconds?: number;
  /** How many tokens are kept. Default 10000. */
  cacheLimit?: number;
}

/** Exchanges Maskinporten's token for one of Norwegian Customs. */
export interface CustomsExchange {
  type: "customs";
  /** Default: the one that belongs to the environment. */
  tokenEndpoint?: string;
}

export type Exchange = "customs" | CustomsExchange;

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
   * @throws MaskinportenError
   */
  token(options?: { signal?: Signal }): Promise<Token>;
  /** The cached access token, or undefined. Never waits or fetches. */
  peek(): string | undefined;
  /**
   * Calls an API with the token. After a 401 the token is dropped and, if the
   * body can be sent again, the call repeated once with a new one.
   */
  fetch: Fetch;
  /** Drops the cached token if it is this one: call it after an API answered 401 to it. */
  invalidate(token: Token): void;
  /** The cache key: 64 hexadecimal digits, equal for sources that share a token. */
  readonly key: string;
  /** Frees the source. The token stays with the client. */
  close(): void;
  [Symbol.dispose](): void;
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
  /** What does the work: "native", "wasip1" or "js". */
  readonly engine: string;
  /** Ends the client. Everybody who waits gets the code "closed". */
  close(): void;
  [Symbol.dispose](): void;
}

/** A new RSA key. Register publicJwk; keep the rest secret. */
export function generateKey(options?: { bits?: number; kid?: string; alg?: Algorithm }): {
  kid: string;
  publicJwk: Record<string, string>;
  privateJwk: Record<string, string>;
  /** PKCS#8 */
  pem: string;
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
