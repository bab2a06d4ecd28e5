import type { IncomingMessage } from 'node:http';

/** Why a request is not served, with the status that says so. */
export interface Unfit {
  readonly status: 400 | 405 | 417;
  readonly message: string;
  /** Methods for `Allow`; only with 405. */
  readonly allow?: string;
}

/** What may be asked for. CONNECT makes a tunnel and TRACE shows its sender what a proxy added, secrets included. */
export const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/**
 * Host and port as RFC 3986 §3.2 writes them, without user information: a name or IPv4 address, or an IPv6 literal in
 * brackets. Empty is allowed by RFC 9110 §7.2.
 */
const HOST = /^(?:[\w!$&'()*+;=.~%-]*|\[[\da-f:.]+(?:%25[\w.~-]+)?\])(?::\d*)?$/i;
/** RFC 9110 §5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** RFC 3986 §2: whatever else a target is to carry comes percent-encoded. */
const NO_TARGET_BYTE = /[^!-~]/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is;

const bad = (message: string): Unfit => ({ status: 400, message });

/**
 * Judges what Node's parser lets pass although RFC 9112 has it refused or leaves it in doubt: whatever another server
 * might read differently than we do is not served at all. Reads the raw list, because parsed headers hide repeats.
 * An absolute target is put into origin form, and its host takes the place of the `Host` header (RFC 9112 §3.2.2).
 * @returns undefined when the request may be served
 */
export const unfit = (req: IncomingMessage): Unfit | undefined => {
  const { httpVersion, rawHeaders: raw } = req;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return bad(`HTTP/${httpVersion} is not spoken here; use HTTP/1.1`);
  }
  let hosts = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    // The parser of Node 20.18 lets blanks and nothing at all pass; no backend may ever be asked with such a name.
    if (!TOKEN.test(name)) return bad('a header has a name that is none');
    switch (name.toLowerCase()) {
      case 'host':
        if (++hosts > 1) return bad('the request has more than one Host header');
        if (!HOST.test(value)) return bad('the Host header is no host and port');
        break;
      case 'transfer-encoding':
        // The parser has taken the last coding for what frames the body; here it must be the only one, and written once.
        if (value.toLowerCase() !== 'chunked' || req.headers['transfer-encoding'] !== value) {
          return bad('the only Transfer-Encoding that is taken is "chunked", once');
        }
        if (httpVersion === '1.0') return bad('HTTP/1.0 knows no Transfer-Encoding');
        break;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') {
          return { status: 417, message: 'the only expectation that is met is 100-continue' };
        }
        break;
    }
  }
  if (hosts === 0 && httpVersion === '1.1') return bad('the request has no Host header');
  if (req.method === 'TRACE') return { status: 405, message: 'TRACE is not answered', allow: METHODS };
  return unfitTarget(req);
};

const unfitTarget = (req: IncomingMessage): Unfit | undefined => {
  const url = req.url ?? '';
  // The parser of Node 20.18 lets tabs, form feeds and bytes above ASCII pass, which no request that we write may carry.
  if (NO_TARGET_BYTE.test(url)) return bad('the request target has a byte that is no visible ASCII');
  // Go's mux would take a fragment for part of the path, other servers cut it off.
  if (url.includes('#')) return bad('the request target has a fragment');
  if (url.startsWith('/')) return undefined;
  if (url === '*' && req.method === 'OPTIONS') return undefined;
  const [, host, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (host === undefined || host === '' || !HOST.test(host)) {
    return bad('the request target is neither a path nor an http URL with a host');
  }
  req.headers.host = host;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
  return undefined;
};
