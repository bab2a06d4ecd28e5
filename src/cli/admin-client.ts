import { errorText } from '../core/errors.ts';

/** Where the admin listener is when nobody says anything else. */
export const DEFAULT_ADMIN = 'http://127.0.0.1:11436';

/** A proxy that is up answers at once; this long only where a firewall swallows the connection. */
const TIMEOUT_MS = 10_000;

/** What commands that ask a running proxy may touch of the process. */
export interface AskIo {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The terminal that results go to; undefined = a file or a pipe. */
  readonly terminal?: Terminal | undefined;
}

export interface Terminal {
  readonly columns: number;
  readonly color: boolean;
}

/** A call to the admin API that came to nothing. The message says what to do. */
export class AdminCallError extends Error {
  override readonly name = 'AdminCallError';
  /** The same call may succeed later, without anybody changing the command line. */
  readonly passing: boolean;

  constructor(message: string, options: ErrorOptions & { readonly passing?: boolean } = {}) {
    super(message, options);
    this.passing = options.passing ?? false;
  }
}

export interface AdminRequest {
  /** Base URL, as the user wrote it. */
  readonly admin: string;
  readonly token: string | undefined;
  /** Below /admin/v1/. */
  readonly path: string;
}

export interface AdminCall<T> extends AdminRequest {
  /** Sent as JSON with POST; undefined = GET. */
  readonly body?: object;
  /** Whether the answer is what was asked for. */
  readonly accepts: (value: unknown) => value is T;
  /** What a 404 that is about the thing asked for may mean; put behind the proxy's own words. */
  readonly missing: string;
}

/** What the proxy answered, as it came and as it was understood (control characters in it replaced). */
export interface AdminAnswer<T> {
  readonly text: string;
  readonly value: T;
}

/**
 * Calls the admin API of a running proxy.
 * @throws {AdminCallError}
 */
export const callAdmin = async <T>(call: AdminCall<T>): Promise<AdminAnswer<T>> => {
  const base = baseOf(call.admin);
  const { status, text } = await exchange(call, base);
  const value = jsonOf(text);
  if (status !== 200) throw refusal(call, base, status, value);
  if (call.accepts(value)) return { text, value };
  throw new AdminCallError(
    `${base} does not answer as the admin listener of a router of this version does; see whether --admin is right`,
  );
};

/**
 * Opens a call whose answer goes on and on.
 * @param signal ends it
 * @returns the answer, with status 200
 * @throws {AdminCallError} also when the signal was given
 */
export const openAdmin = async (call: AdminRequest, accept: string, signal: AbortSignal): Promise<Response> => {
  const base = baseOf(call.admin);
  const first = new AbortController();
  // The head comes at once; what follows may take its time.
  const late = setTimeout(() => first.abort(new DOMException('no head', 'TimeoutError')), TIMEOUT_MS);
  try {
    const answer = await request(call, base, { headers: { accept }, signal: AbortSignal.any([signal, first.signal]) });
    if (answer.status === 200) return answer;
    throw refusal(call, base, answer.status, jsonOf(await answer.text()));
  } catch (error) {
    throw error instanceof AdminCallError ? error : unreachable(base, error);
  } finally {
    clearTimeout(late);
  }
};

/** The URL without a slash at its end. @throws {AdminCallError} */
const baseOf = (admin: string): string => {
  const url = URL.canParse(admin) ? new URL(admin) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AdminCallError(`--admin ${JSON.stringify(admin)} is no URL: write it like ${DEFAULT_ADMIN}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new AdminCallError('--admin takes no user or password: put the token into TASK_ROUTER_ADMIN_TOKEN');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
};

const exchange = async <T>(
  call: AdminCall<T>,
  base: string,
): Promise<{ readonly status: number; readonly text: string }> => {
  const { body } = call;
  const headers = { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  try {
    const answer = await request(call, base, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    throw unreachable(base, error);
  }
};

const request = (
  { token, path }: AdminRequest,
  base: string,
  { headers, ...init }: Omit<RequestInit, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
): Promise<Response> => {
  const ours = token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${base}/admin/v1/${path}`, {
    ...init,
    headers: { ...headers, ...ours },
    // The token must not follow to wherever somebody points.
    redirect: 'manual',
  });
};

const unreachable = (base: string, error: unknown): AdminCallError =>
  new AdminCallError(
    `cannot reach the admin listener at ${base} (${reasonOf(error)}); start the proxy, or say where it is with --admin URL`,
    { cause: error, passing: true },
  );

/** Why a fetch failed: the reason is in its cause, and for a name with several addresses in the first of those. */
const reasonOf = (error: unknown): string => {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1_000} s`;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return errorText(cause instanceof AggregateError ? cause.errors[0] : cause);
};

/**
 * Without control characters in its texts: model names and error texts come from clients and servers, and must not move
 * the cursor of whoever reads them.
 */
export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text, (_name, value: unknown) =>
      typeof value === 'string' ? value.replaceAll(/\p{Cc}/gu, '?') : value,
    );
  } catch {
    return undefined;
  }
};

const refusal = (
  { token, missing }: AdminRequest & { readonly missing?: string },
  base: string,
  status: number,
  value: unknown,
): AdminCallError => {
  const said =
    typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string'
      ? value.error
      : undefined;
  if (status === 401) {
    return new AdminCallError(
      token === undefined || token === ''
        ? `${base} wants the admin token: set TASK_ROUTER_ADMIN_TOKEN to the value of admin.token of its configuration, or name a file that holds it with --token-file`
        : `${base} does not take this token: it must be the value of admin.token of its configuration`,
    );
  }
  if (said === undefined) {
    return new AdminCallError(
      `${base} answered ${status}, not as an admin listener does; say where that is with --admin URL`,
      // A reverse proxy in between, while what it leads to starts anew.
      { passing: status >= 500 },
    );
  }
  if (status === 403) return new AdminCallError(`${base} refuses the call: ${said}`);
  return new AdminCallError(status === 404 && missing !== undefined ? `${said}; ${missing}` : said, {
    passing: status >= 500,
  });
};
