/** What a request line asks for. */
export interface RequestTarget {
  /** Path and query as they came; only the scheme and host of an absolute form are gone (RFC 9112 §3.2.2). */
  readonly raw: string;
  /** The path as Go's server matches it: decoded, without the query. */
  readonly path: string;
  /** From the `?` on, '' if there is none. */
  readonly query: string;
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    // No valid encoding: a server refuses it in its own words.
    return path;
  }
};

/** Reads the target of a request line, as Node gives it in `req.url`. */
export const readTarget = (url: string): RequestTarget => {
  const raw = url.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
  const mark = raw.indexOf('?');
  const path = mark === -1 ? raw : raw.slice(0, mark);
  return { raw, path: decoded(path), query: mark === -1 ? '' : raw.slice(mark) };
};

/**
 * Where a path with `..` in it leads, cleaned as Go's mux cleans it before it redirects there (net/http cleanPath);
 * undefined for a path without. Such a path never travels on: behind a backend whose URL has a prefix it would lead out
 * of it.
 */
export const withoutDots = ({ path, query }: RequestTarget): string | undefined => {
  const segments = path.split('/');
  if (!segments.includes('..')) return undefined;
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const slash = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.map(encodeURIComponent).join('/')}${slash}${query}`;
};
