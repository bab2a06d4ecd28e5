import type { IncomingHttpHeaders } from 'node:http';

/** RFC 9110 §7.6.1 and its predecessors: these belong to one connection and never travel on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Read by the proxy and spent here; `x-task-router-*` is ours altogether. */
const OURS = 'x-task-router-';

/** Framing and identity are set anew for the backend; `expect` was answered by our own server. */
const SET_ANEW = new Set(['host', 'content-length', 'expect', 'origin', 'x-request-id']);

/** What is to be known of a header's name, as bits. */
const HOP = 1;
const ANEW = 2;
const OWN = 4;
const CONNECTION = 8;
const REQUEST_ID = 16;
/** Never a client's to say to a backend; never a backend's to say to a client. */
const NOT_TO_BACKEND = HOP | ANEW | OWN;
const NOT_TO_CLIENT = HOP | OWN | REQUEST_ID;

/** Spellings of names that are kept: all that clients use, and a bound to what they make up. */
const SPELLINGS_KEPT = 1_024;
const LONGEST_SPELLING = 64;
const spellings = new Map<string, number>();

/** @param name in any spelling; the same few come with every request */
const kindOf = (name: string): number => {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const kind =
    (HOP_BY_HOP.has(lower) ? HOP : 0) |
    (SET_ANEW.has(lower) ? ANEW : 0) |
    (lower.startsWith(OURS) ? OWN : 0) |
    (lower === 'connection' ? CONNECTION : 0) |
    (lower === 'x-request-id' ? REQUEST_ID : 0);
  if (name.length <= LONGEST_SPELLING) {
    if (spellings.size >= SPELLINGS_KEPT) spellings.clear();
    spellings.set(name, kind);
  }
  return kind;
};

/**
 * The names in all `Connection` headers of a raw list; undefined when there are none that matter. Read from the raw list
 * because a message may carry several, which parsed headers join, drop or turn into a list, each library in its way.
 */
const connectionNamed = (raw: readonly (Buffer | string)[]): ReadonlySet<string> | undefined => {
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if ((kindOf(textOf(raw[i])) & CONNECTION) === 0) continue;
    const value = textOf(raw[i + 1]);
    if (value === 'keep-alive' || value === 'close') continue;
    for (const part of value.split(',')) {
      const name = part.trim().toLowerCase();
      if (name !== '' && name !== 'keep-alive' && name !== 'close') (named ??= new Set()).add(name);
    }
  }
  return named;
};

/**
 * The headers that go to a backend, as the flat name-value list that undici takes: the client's, repeats kept, without
 * hop-by-hop ones, those that `Connection` names, our own `x-task-router-*`, and `Origin` (a backend would take a
 * proxied same-origin request for a cross-origin one and refuse it: gin-contrib/cors in Ollama server/routes.go).
 * @param extra headers of this backend's configuration; they win over the client's
 */
export const requestHeaders = (
  raw: readonly string[],
  requestId: string,
  extra: Readonly<Record<string, string>>,
): string[] => {
  const named = connectionNamed(raw);
  const { names, flat } = extrasOf(extra);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if ((kindOf(name) & NOT_TO_BACKEND) !== 0) continue;
    if (named !== undefined || names.length > 0) {
      const lower = name.toLowerCase();
      if (named?.has(lower) === true || names.includes(lower)) continue;
    }
    out.push(name, raw[i + 1] ?? '');
  }
  for (const each of flat) out.push(each);
  out.push('x-request-id', requestId);
  return out;
};

/** Headers of a backend's configuration, laid out for requests. */
interface Extras {
  /** In lower case. */
  readonly names: readonly string[];
  /** Flat name-value list. */
  readonly flat: readonly string[];
}

/** By the object of the configuration, which is replaced as a whole and never changed. */
const extras = new WeakMap<object, Extras>();

const extrasOf = (extra: Readonly<Record<string, string>>): Extras => {
  let known = extras.get(extra);
  if (known === undefined) {
    known = { names: Object.keys(extra).map((name) => name.toLowerCase()), flat: Object.entries(extra).flat() };
    extras.set(extra, known);
  }
  return known;
};

/** By the object of the configuration, too. */
const plainExtras = new WeakMap<object, Readonly<Record<string, string>>>();

/**
 * The same headers with a wish for plain bytes: answers are judged by them. Ollama compresses nothing itself, but hands
 * what it is asked on to ollama.com. The same object each time.
 */
export const askingForPlain = (extra: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  let known = plainExtras.get(extra);
  if (known === undefined) {
    known = { ...extra, 'accept-encoding': 'identity' };
    plainExtras.set(extra, known);
  }
  return known;
};

/** Header names and values are bytes; latin1 keeps each of them as it was. */
const textOf = (raw: Buffer | string | undefined): string =>
  raw === undefined ? '' : typeof raw === 'string' ? raw : raw.toString('latin1');

/**
 * The headers of a backend's answer that go to the client, names as the backend wrote them: all but hop-by-hop ones,
 * those that `Connection` names, and a forged `x-task-router-*` or `x-request-id`.
 */
export const responseHeaders = (raw: readonly (Buffer | string)[]): string[] => {
  const named = connectionNamed(raw);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = textOf(raw[i]);
    if ((kindOf(name) & NOT_TO_CLIENT) !== 0 || named?.has(name.toLowerCase()) === true) continue;
    out.push(name, textOf(raw[i + 1]));
  }
  return out;
};

/** A flat name-value list without one header. @param name in lower case */
export const withoutHeader = (flat: readonly string[], name: string): string[] => {
  const out: string[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (flat[i]?.toLowerCase() !== name) out.push(flat[i] ?? '', flat[i + 1] ?? '');
  }
  return out;
};

/** A header that may come once; of repeats the first one counts. */
export const single = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};
