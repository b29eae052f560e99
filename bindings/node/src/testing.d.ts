// A strict Maskinporten on this machine, for tests. Node only.
import type { ClientConfig, Environment } from "./index.js";

export interface SandboxOptions {
  /** The maskinporten command. Default: MASKINPORTEN_COMMAND, else that of the platform package, else the one on the PATH. */
  command?: string;
  /** A loopback address to listen on. Default 127.0.0.1 and a free port. */
  listen?: string;
}

/** Starts a sandbox with Customs, Altinn's exchange and a protected API beside it. It ends with this process at the latest. */
export function startSandbox(options?: SandboxOptions): Promise<Sandbox>;

export interface Sandbox {
  /** Addresses, ids, scopes, and paths of key files, as the command writes them. */
  readonly settings: SandboxSettings;
  /** For `new Client()`. */
  readonly environment: Environment;
  /** For `Client.fromEnv()` and for programs that are started: the variables of NAIS, with a key that is made for this sandbox. */
  readonly env: Record<string, string>;
  /** The folder with settings.json and the keys; it is gone after close(). */
  readonly folder: string;
  /** The configuration of a registered client, with these changes. */
  config(more?: Partial<ClientConfig>): ClientConfig;
  /** The requests that came to this path, oldest first. Default "/token". */
  requests(path?: string): Promise<SandboxRequest[]>;
  /** What goes wrong from now on, in place of what did; nothing without arguments. */
  faults(...faults: Fault[]): Promise<void>;
  /** Sets the sandbox's clock off. */
  clock(offsetSeconds: number): Promise<void>;
  /** No faults, the right time, and no requests so far. */
  reset(): Promise<void>;
  /** Asks any of the sandbox's controls; GET "" lists them. */
  control(method: string, path: string, body?: unknown): Promise<any>;
  /** Ends it. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SandboxSettings {
  issuer: string;
  tokenEndpoint: string;
  metadataUrl: string;
  customsTokenEndpoint: string;
  customsTestAuth: string;
  altinnExchange: string;
  /** An API that wants a token of Maskinporten. */
  sampleApi: string;
  control: string;
  clientId: string;
  kid: string;
  keyPem: string;
  keyJwk: string;
  certificateClientId: string;
  certificateP12: string;
  certificatePassword: string;
  certificatePem: string;
  organization: string;
  customerOrganization: string;
  otherOrganization: string;
  scopes: Record<"customs" | "plain" | "other" | "delegated" | "systemUser" | "ungranted" | "consent" | "eseal" | "login", string> & { many: string[] };
  systemUser: { org: string; externalRef: string; id: string; systemId: string };
  consent: { id: string; from: string };
  eseal: { p12: string; password: string; pem: string; organizationIdentifier: string; clientId: string };
}

export interface SandboxRequest {
  /** RFC 3339, UTC. */
  time: string;
  method: string;
  path: string;
  status: number;
  error?: string;
  mpCode?: string;
  traceId?: string;
  /** Why it was refused. */
  detail?: string;
  clientId?: string;
  scope?: string;
  kid?: string;
  jti?: string;
  consumerOrg?: string;
  /** A fault had a hand in it. */
  fault?: boolean;
}

/** A way to misbehave; the command's documentation has all members. */
export interface Fault {
  /** Which requests; all if left out. */
  path?: string;
  scope?: string;
  /** How often; for ever if left out. */
  times?: number;
  latencyMs?: number;
  status?: number;
  statuses?: number[];
  retryAfter?: string | number;
  kind?: string;
  /** The life of the token in seconds. */
  expiresIn?: number;
  [member: string]: unknown;
}
