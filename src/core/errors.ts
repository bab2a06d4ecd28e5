/** Every way in which the proxy itself refuses or fails a request. The table below is the only place that maps them. */
export type ErrorCode =
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'model_not_found'
  | 'request_timeout'
  | 'body_too_large'
  | 'headers_too_large'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'backend_failed'
  | 'no_backend'
  | 'queue_full'
  | 'shutting_down'
  | 'queue_timeout'
  | 'deadline_exceeded'
  | 'backend_timeout'
  | 'internal';

/** Who is to blame: decides what is logged at which level. */
export type ErrorSource = 'client' | 'backend' | 'proxy';

export interface ErrorRule {
  readonly status: number;
  readonly source: ErrorSource;
  /** The client is told when to try again. */
  readonly retryAfter: boolean;
}

export const errorRules: Readonly<Record<ErrorCode, ErrorRule>> = {
  bad_request: { status: 400, source: 'client', retryAfter: false },
  unauthorized: { status: 401, source: 'client', retryAfter: false },
  forbidden: { status: 403, source: 'client', retryAfter: false },
  model_not_found: { status: 404, source: 'client', retryAfter: false },
  request_timeout: { status: 408, source: 'client', retryAfter: false },
  body_too_large: { status: 413, source: 'client', retryAfter: false },
  headers_too_large: { status: 431, source: 'client', retryAfter: false },
  rate_limited: { status: 429, source: 'client', retryAfter: true },
  quota_exceeded: { status: 429, source: 'client', retryAfter: true },
  backend_failed: { status: 502, source: 'backend', retryAfter: false },
  no_backend: { status: 503, source: 'proxy', retryAfter: true },
  queue_full: { status: 503, source: 'proxy', retryAfter: true },
  shutting_down: { status: 503, source: 'proxy', retryAfter: true },
  queue_timeout: { status: 504, source: 'proxy', retryAfter: false },
  deadline_exceeded: { status: 504, source: 'proxy', retryAfter: false },
  backend_timeout: { status: 504, source: 'backend', retryAfter: false },
  internal: { status: 500, source: 'proxy', retryAfter: false },
};

export interface ProxyErrorOptions {
  readonly cause?: unknown;
  /** Seconds until a retry makes sense; only for codes whose rule has `retryAfter`. */
  readonly retryAfterSeconds?: number;
  /**
   * A `bad_request` that Ollama would find only after it had parsed the body: its `/v1` layer frames such an error
   * otherwise than one of parsing.
   */
  readonly afterParsing?: boolean;
}

/** A refusal or failure of the proxy itself, as data: the code says everything that the table does not. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly afterParsing: boolean;

  constructor(code: ErrorCode, message: string, options: ProxyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.afterParsing = options.afterParsing ?? code !== 'bad_request';
  }

  get status(): number {
    return errorRules[this.code].status;
  }
}

/** The text of anything thrown, for messages and logs. Never throws itself, not even for what cannot become a text. */
export const errorText = (error: unknown): string => {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return `something without a text (${typeof error})`;
  }
};
