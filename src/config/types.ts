import type { KeyRule } from '../core/key-rule.ts';
import type { BreakerSettings, PriorityClass } from '../core/types.ts';
import type { Reading } from './units.ts';

/** What the checker is handed: it reads no environment and knows no strategy by itself. */
export interface ParseContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What stands in a file, for secrets; absent = no file may be read. */
  readonly file?: (path: string) => Reading<string>;
  /** The names of the strategies that this version has. */
  readonly strategies: readonly string[];
  /** The task categories that `prefer` may name. */
  readonly categories: readonly string[];
  /** What is wrong with a pattern of an own category, in words that go on from it; absent = patterns are not looked at. */
  readonly pattern?: (source: string) => string | undefined;
}

/** An address to listen on. `host` is without brackets (`::1`, not `[::1]`); port 0 lets the system choose one. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** HTTPS on a listener. Each text is PEM, or the path of a file with it. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates that clients must show; undefined = none are asked for. */
  readonly clientCa: string | undefined;
}

/** How an https backend is recognised. Each text but the name is PEM, or the path of a file with it. */
export interface BackendTls {
  /** Trusted in the place of the public CAs; undefined = these. */
  readonly ca: string | undefined;
  /** The name that its certificate must be for, and that it is asked for by; undefined = the host of its URL. */
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** What we show, together with its key; undefined = nothing. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** One Ollama server. */
export interface BackendConfig {
  /** Unique; appears in metrics and headers. */
  readonly name: string;
  /** http or https, without query or credentials; a path prefix is kept, without a slash at its end except for `/`. */
  readonly url: URL;
  /** Relative capacity, > 0. */
  readonly weight: number;
  /** Requests at a time (OLLAMA_NUM_PARALLEL of that server), ≥ 1; `auto` = learned. */
  readonly slots: number | 'auto';
  readonly zone: string;
  /** What the server is good for, in the operator's own words; `changes.rules` choose by them. */
  readonly tags: readonly string[];
  /** Sent to this backend only, over the request's own; names in lower case; values may be secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly vramBytes: number | 'auto';
  /** Only with an https URL; undefined = as any public server. */
  readonly tls?: BackendTls | undefined;
}

/** How many servers get a model: every one, one, or so many (≥ 1). */
export type Copies = 'all' | 'any' | number;

/** Where models of certain names go when they are pulled or created. */
export interface ChangeRule {
  /** Model names, at least one; `*` stands for any text. */
  readonly models: readonly string[];
  /** undefined = as without a rule. */
  readonly copies: Copies | undefined;
  /** Only servers that have all of them; empty = any server. */
  readonly tags: readonly string[];
}

/** A name that a client may ask for and that stands for several models. */
export interface VirtualModel {
  readonly name: string;
  /** At least one, in the order of the file. */
  readonly candidates: readonly string[];
  /** Task category → candidates that suit it, best first. */
  readonly prefer: Readonly<Record<string, readonly string[]>>;
}

/** A task category of the operator's own, or more clues for a built-in one. Any clue is enough. */
export interface OwnCategoryConfig {
  readonly name: string;
  readonly keywords: readonly string[];
  readonly patterns: readonly string[];
  /** Names in lower case; `*` in a value stands for any text. */
  readonly headers: Readonly<Record<string, string>>;
  /** `*` stands for any text. */
  readonly paths: readonly string[];
  readonly priority: number;
}

/**
 * The whole configuration, checked and frozen: milliseconds, bytes and URL objects, nothing left to parse. Its records
 * have no prototype, so that a name out of a request may be looked up in them as it is.
 */
export interface Config {
  readonly listen: HostPort;
  readonly admin: {
    readonly listen: HostPort;
    readonly token: string | undefined;
    /** Where the token was read; undefined = it stands in the configuration itself, or there is none. */
    readonly tokenFile: string | undefined;
    readonly tls: ListenerTls | undefined;
  };
  readonly cors: {
    /** Origins that may call besides local ones; `*` stands for any text. */
    readonly origins: readonly string[];
    /** Pages of this machine and of desktop apps may call. */
    readonly local: boolean;
    /** Request headers that pages may send besides those that Ollama allows. */
    readonly headers: readonly string[];
    /** Headers of answers that pages may read. */
    readonly exposeHeaders: readonly string[];
    readonly maxAgeMs: number;
  };
  readonly auth: {
    /** Names and hashes are unique; none = everybody may come in. */
    readonly keys: readonly KeyRule[];
  };
  /** Empty when the file names none; the process then decides where to look. */
  readonly backends: readonly BackendConfig[];
  readonly routing: {
    readonly strategy: string;
    readonly numCtx: 'keep' | 'ladder' | 'pin';
    readonly zone: string;
    readonly learned: {
      /** What the arms would choose is worked out and logged, and `hybrid` chooses. */
      readonly shadow: boolean;
    };
  };
  readonly virtualModels: readonly VirtualModel[];
  readonly categories: {
    /** 0…1: below this confidence a prompt is `unknown`. */
    readonly threshold: number;
    /** In the order of the file. */
    readonly own: readonly OwnCategoryConfig[];
  };
  /** Name asked for → model or virtual model. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly circuitBreaker: BreakerSettings & {
    /** Open times grow, recovery is tried out first, and no model loses more than half of its servers. */
    readonly adaptive: boolean;
    /** Models may be unloaded where that frees a server that loads nothing any more, or ends a runner that hangs. */
    readonly heal: boolean;
  };
  readonly changes: {
    readonly copies: Copies;
    /** In the order of the file: the first that fits a model's name counts. */
    readonly rules: readonly ChangeRule[];
  };
  readonly embeddings: {
    /** The smallest batch that is split over servers, ≥ 2; undefined = none is. */
    readonly split: number | undefined;
  };
  readonly queue: {
    readonly maxWaiting: number | 'auto';
    readonly maxWaitMs: number;
    /** Shares of the slots while all classes wait, > 0. */
    readonly classWeights: Readonly<Record<PriorityClass, number>>;
    readonly maxBytes: number;
    /** How one tenant's requests stand behind each other. */
    readonly order: 'fifo' | 'sjf';
    /** Whether lower classes are turned away once waits grow past `targetWaitMs`. */
    readonly shed: boolean;
    readonly targetWaitMs: number;
    readonly promoteAfterMs: number;
  };
  readonly retry: {
    /** Attempts per request, the first included, ≥ 1. */
    readonly maxAttempts: number;
    /** Retries allowed per request over time, 0…1. */
    readonly budget: number;
    /** Answers that are silent for far longer than was to be expected are given up. */
    readonly stallGuard: boolean;
    /** ms without a byte after which another server may be asked as well, ≥ 500; undefined = none is. */
    readonly hedgeMs: number | undefined;
  };
  readonly streaming: { readonly keepaliveMs: number | undefined };
  readonly placement: {
    readonly enabled: boolean;
    /** Backend name → models to keep there. */
    readonly pin: Readonly<Record<string, readonly string[]>>;
  };
  readonly trace: {
    /** Relative to where the process was started; undefined = nothing is recorded. */
    readonly path: string | undefined;
    readonly maxBytes: number;
  };
  readonly workers: number;
  readonly health: {
    readonly intervalMs: number;
    readonly timeoutMs: number;
    /** Failed probes in a row that take a backend out, ≥ 1. */
    readonly unhealthyAfter: number;
    /** Good probes in a row that bring it back, ≥ 1. */
    readonly healthyAfter: number;
  };
  readonly limits: {
    readonly bodyBytes: number;
    readonly headerBytes: number;
    readonly connections: number;
    readonly headTimeoutMs: number;
    readonly bodyIdleTimeoutMs: number;
    /** How long a client may read nothing of an answer while our buffer for it is full. */
    readonly writeIdleTimeoutMs: number;
    /** Open requests for a model per client address; undefined = without bound. */
    readonly streamsPerClient: number | undefined;
    readonly streamIdleTimeoutMs: number;
    readonly drainTimeoutMs: number;
  };
  readonly state: { readonly kind: 'memory' | 'file'; readonly path?: string };
  /** Of the proxy listener; undefined = plain HTTP. */
  readonly tls: ListenerTls | undefined;
  readonly metrics: { readonly listen: HostPort | undefined; readonly tls: ListenerTls | undefined };
  readonly logging: {
    readonly level: string;
    /** undefined = pretty on a terminal, JSON elsewhere. */
    readonly format: 'json' | 'pretty' | undefined;
  };
}
