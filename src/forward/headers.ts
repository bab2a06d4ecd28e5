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

/**
 * The names in all `Connection` headers of a raw list; undefined when there are none that matter. Read from the raw list
 * because a message may carry several, which parsed headers join, drop or turn into a list, each library in its way.
 */
const connectionNamed = (raw: readonly (Buffer | string)[]): ReadonlySet<string> | undefined => {
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (String(raw[i]).toLowerCase() !== 'connection') continue;
    for (const part of String(raw[i + 1]).split(',')) {
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
  const overridden = new Set(Object.keys(extra).map((name) => name.toLowerCase()));
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || SET_ANEW.has(lower) || lower.startsWith(OURS)) continue;
    if (named?.has(lower) || overridden.has(lower)) continue;
    out.push(name, raw[i + 1] ?? '');
  }
  for (const [name, value] of Object.entries(extra)) out.push(name, value);
  out.push('x-request-id', requestId);
  return out;
};

/**
 * The headers of a backend's answer that go to the client, names as the backend wrote them: all but hop-by-hop ones,
 * those that `Connection` names, and a forged `x-task-router-*` or `x-request-id`.
 */
export const responseHeaders = (raw: readonly (Buffer | string)[]): string[] => {
  const named = connectionNamed(raw);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]);
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named?.has(lower) || lower.startsWith(OURS) || lower === 'x-request-id') continue;
    // Header values are bytes; latin1 keeps each of them as it was.
    out.push(name, Buffer.isBuffer(raw[i + 1]) ? (raw[i + 1] as Buffer).toString('latin1') : String(raw[i + 1]));
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
