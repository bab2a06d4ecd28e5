/** Longer is no key of anybody's, and not worth hashing. */
const MOST_LENGTH = 512;

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'proxy-authorization']);

/** The headers of a request that may hold a key; a list where a client repeats one. */
export interface KeyHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | readonly string[] | undefined;
}

const basicPassword = (base64: string): string | undefined => {
  const pair = Buffer.from(base64, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
};

const fromAuthorization = (value: string): string | undefined => {
  const space = value.indexOf(' ');
  const scheme = value.slice(0, space).toLowerCase();
  const rest = value.slice(space + 1).trim();
  if (scheme === 'bearer') return rest;
  return scheme === 'basic' ? basicPassword(rest) : undefined;
};

/**
 * What a request shows as its key, in the order in which it is tried: `Authorization: Bearer KEY` (OpenAI, Ollama's
 * clients), `Authorization: Basic` with the key as password and any user (RFC 7617; curl, browsers), and `x-api-key: KEY`
 * (Anthropic). At most one of each header.
 */
export const shownKeys = (headers: KeyHeaders): readonly string[] => {
  const { authorization } = headers;
  const own = headers['x-api-key'];
  const shown = [
    authorization === undefined ? undefined : fromAuthorization(authorization),
    typeof own === 'string' ? own.trim() : own?.[0]?.trim(),
  ];
  return shown.filter((key): key is string => key !== undefined && key !== '' && key.length <= MOST_LENGTH);
};

/** A raw list of header names and values without those that may hold a key: none of them is for a backend. */
export const withoutCredentials = (raw: readonly string[]): string[] => {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!CREDENTIALS.has((raw[i] ?? '').toLowerCase())) out.push(raw[i] ?? '', raw[i + 1] ?? '');
  }
  return out;
};
