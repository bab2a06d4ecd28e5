/**
 * Requests that were made to be read in two ways, or that are no requests at all, each with what the proxy promises of
 * it. The classes are those of the published work on request smuggling; the rules that decide are of RFC 9110 and 9112.
 */

/** The body that all of these carry where they carry a proper one. */
export const BODY = '{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":false}';
const LENGTH = BODY.length;

/** What must never be taken for a request of its own. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

const chunk = (text: string, end = '\r\n'): string => `${text.length.toString(16)}${end}${text}${end}`;
const CHUNKED = `${chunk(BODY)}0\r\n\r\n`;

/**
 * What holds for a case.
 * - `refused`: one answer with this status, then the end of the connection, and no whole request at a backend.
 * - `once`: one request at a backend and one answer; the next request on the connection, if it is still open, is a
 *   request of its own.
 * - `answered`: the proxy answers by itself, once; nothing reaches a backend.
 * - `two`: the client did send two requests, and gets two answers.
 */
export type Verdict = 'once' | 'two' | { readonly refused: number } | { readonly answered: number };

export interface WireCase {
  readonly name: string;
  /** The pieces that are sent apart. @param path of the request, which takes a body of JSON */
  readonly send: (path: string) => readonly string[];
  readonly promise: Verdict;
}

/** A POST to the path with these header lines and whatever follows the head. */
const post =
  (lines: readonly string[], rest: string, line = 'POST PATH HTTP/1.1') =>
  (path: string): readonly string[] => [
    `${[line.replace('PATH', path), 'Host: localhost', ...lines].join('\r\n')}\r\n\r\n${rest}`,
  ];

/** A request without a body, as it stands. */
const bare =
  (text: string) =>
  (path: string): readonly string[] => [text.replaceAll('PATH', path)];

const refuse = (name: string, send: WireCase['send'], status = 400): WireCase => ({
  name,
  send,
  promise: { refused: status },
});
const once = (name: string, send: WireCase['send']): WireCase => ({ name, send, promise: 'once' });

const withLength = `Content-Length: ${LENGTH}`;
const TE = 'Transfer-Encoding: chunked';

/** Two framing headers that disagree, or one that two servers may read differently. */
const TWO_FRAMINGS: readonly WireCase[] = [
  refuse('CL.TE: a length over chunks', post([`Content-Length: 6`, TE], `0\r\n\r\n${SMUGGLED}`)),
  refuse('TE.CL: chunks before a length', post([TE, 'Content-Length: 4'], `${chunk(SMUGGLED)}0\r\n\r\n`)),
  refuse('a length that agrees with the chunks', post([`Content-Length: ${CHUNKED.length}`, TE], CHUNKED)),
  refuse('0.CL: a length of 0 over chunks', post(['Content-Length: 0', TE], CHUNKED)),
  ...[
    ['x before it', 'Transfer-Encoding: xchunked'],
    ['a comma after it', 'Transfer-Encoding: chunked,'],
    ['a quoted value', 'Transfer-Encoding: "chunked"'],
    ['identity after it', 'Transfer-Encoding: chunked, identity'],
    ['an unknown coding', 'Transfer-Encoding: cow'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked'],
    ['two headers, the wrong one last', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'],
    ['two headers, the right one last', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked'],
    ['two headers alike', `${TE}\r\n${TE}`],
    ['gzip within', 'Transfer-Encoding: gzip, chunked'],
    ['a vertical tab before the value', 'Transfer-Encoding:\u000bchunked'],
    ['a form feed after the value', 'Transfer-Encoding: chunked\f'],
    ['a folded value', 'Transfer-Encoding:\r\n chunked'],
    ['a space in the name', 'Transfer-Encoding : chunked'],
    ['a tab in the name', 'Transfer-Encoding\t: chunked'],
    ['a NUL in the value', 'Transfer-Encoding: chunked\u0000'],
    ['a bare CR before it', 'X: y\rTransfer-Encoding: chunked'],
    ['a parameter', 'Transfer-Encoding: chunked;q=1'],
    ['an empty value', 'Transfer-Encoding:'],
    ['a soft hyphen in the value', 'Transfer-Encoding: chun\u00adked'],
  ].map(([what, line]) => refuse(`TE.TE beside a length: ${what}`, post([line ?? '', withLength], BODY))),
  ...[
    ['an unknown coding', 'Transfer-Encoding: cow'],
    ['identity', 'Transfer-Encoding: identity'],
    ['identity after chunked', 'Transfer-Encoding: chunked, identity'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked'],
    ['two headers, chunked first', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'],
    ['a coding that nobody undoes', 'Transfer-Encoding: gzip, chunked'],
    ['an empty value', 'Transfer-Encoding:'],
    ['a list that begins with a comma', 'Transfer-Encoding: ,chunked'],
  ].map(([what, line]) => refuse(`a transfer coding alone: ${what}`, post([line ?? ''], CHUNKED))),
  once('upper case in the coding', post(['TRANSFER-ENCODING: CHUNKED'], CHUNKED)),
  once('a tab before the coding', post(['Transfer-Encoding:\tchunked'], CHUNKED)),
  once('a name that only resembles it: underscore', post(['Transfer_Encoding: chunked', withLength], BODY)),
  once('a name that only resembles it: prefix', post(['X-Transfer-Encoding: chunked', withLength], BODY)),
  refuse('chunks in HTTP/1.0', post([TE], CHUNKED, 'POST PATH HTTP/1.0')),
];

const LENGTHS: readonly WireCase[] = [
  refuse('two lengths that differ', post([withLength, 'Content-Length: 0'], BODY)),
  refuse('two lengths alike', post([withLength, withLength], BODY)),
  ...[
    ['a sign', `+${LENGTH}`],
    ['a minus', `-1`],
    ['a list of one value twice', `${LENGTH}, ${LENGTH}`],
    ['a list of two values', `${LENGTH}, 0`],
    ['hexadecimal', '0x48'],
    ['a fraction', `${LENGTH}.0`],
    ['an exponent', '7e1'],
    ['a space within', '7 2'],
    ['letters', 'many'],
    ['nothing', ''],
    ['a NUL', `${LENGTH}\u0000`],
    ['a vertical tab before it', `\u000b${LENGTH}`],
    ['an underscore', '7_2'],
    ['more than any integer holds', '9'.repeat(40)],
    ['18446744073709551616 and the length', (2n ** 64n + BigInt(LENGTH)).toString()],
    ['a folded value', `\r\n ${LENGTH}`],
    ['a comma at the end', `${LENGTH},`],
  ].map(([what, value]) => refuse(`a length with ${what}`, post([`Content-Length: ${value}`], BODY))),
  once('a length with zeros before it', post([`Content-Length: 000${LENGTH}`], BODY)),
  once('a length with blanks before it', post([`Content-Length:  \t${LENGTH}`], BODY)),
  refuse('a length with a tab after it', post([`Content-Length: ${LENGTH}\t`], BODY)),
  refuse('a length with a space in the name', post([`Content-Length : ${LENGTH}`], BODY)),
  {
    name: 'CL.0: a body that says it is empty is a request of its own',
    send: (path) => [
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
    promise: 'two',
  },
  once('a GET with a body that looks like a request', (path) => [
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  ]),
  ...['DELETE', 'PUT', 'PATCH', 'GET', 'PROPFIND', 'MKCOL', 'SEARCH'].flatMap((method) => [
    once(`a chunked ${method} with a body that looks like a request`, () => [
      `${method} /v9/thing HTTP/1.1\r\nHost: localhost\r\n${TE}\r\n\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
    ]),
    once(`a ${method} with a length and a body that looks like a request`, () => [
      `${method} /v9/thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    ]),
  ]),
];

const CHUNKS: readonly WireCase[] = [
  once('a plain chunked body', post([TE], CHUNKED)),
  once('a chunked body in pieces', (path) => [
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${TE}\r\n\r\n`,
    LENGTH.toString(16),
    '\r',
    '\n',
    BODY.slice(0, 9),
    BODY.slice(9),
    '\r\n',
    '0\r\n',
    '\r\n',
  ]),
  once('a chunk extension', post([TE], `${LENGTH.toString(16)};a=b;c="d"\r\n${BODY}\r\n0\r\n\r\n`)),
  once('a trailer', post([TE], `${chunk(BODY)}0\r\nX-After: 1\r\n\r\n`)),
  refuse('a trailer that names a length', post([TE], `${chunk(BODY)}0\r\nContent-Length: 5\r\n\r\n`)),
  once('a trailer that names a host', post([TE], `${chunk(BODY)}0\r\nHost: evil\r\nAuthorization: x\r\n\r\n`)),
  ...[
    ['a bare LF after its size', `${LENGTH.toString(16)}\n${BODY}\r\n0\r\n\r\n`],
    ['a bare LF after its data', `${LENGTH.toString(16)}\r\n${BODY}\n0\r\n\r\n`],
    ['a bare CR after its size', `${LENGTH.toString(16)}\r${BODY}\r\n0\r\n\r\n`],
    ['a bare LF in its extension', `${LENGTH.toString(16)};a\n${BODY}\r\n0\r\n\r\n`],
    ['a bare CR in its extension', `${LENGTH.toString(16)};a\rb\r\n${BODY}\r\n0\r\n\r\n`],
    ['a NUL in its extension', `${LENGTH.toString(16)};a\u0000\r\n${BODY}\r\n0\r\n\r\n`],
    ['a sign before its size', `+${LENGTH.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
    ['a minus before its size', `-1\r\n${BODY}\r\n0\r\n\r\n`],
    ['0x before its size', `0x${LENGTH.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
    ['a blank before its size', ` ${LENGTH.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
    ['a blank after its size', `${LENGTH.toString(16)} \r\n${BODY}\r\n0\r\n\r\n`],
    ['a size of 2^64 and more', `1${'0'.repeat(15)}${LENGTH.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
    ['no size', `\r\n${BODY}\r\n0\r\n\r\n`],
    ['a size that is no number', `zz\r\n${BODY}\r\n0\r\n\r\n`],
    ['more data than its size', `3\r\n${BODY}\r\n0\r\n\r\n`],
    ['a size in other digits', `\u00b2\r\n${BODY}\r\n0\r\n\r\n`],
    ['a bare LF as its last line', `${chunk(BODY)}0\n\n${SMUGGLED}`],
    ['a request in place of its last line', `${chunk(BODY)}0\r\n${SMUGGLED.slice(0, -2)}`],
  ].map(([what, body]) => refuse(`a chunk with ${what}`, post([TE], body ?? ''))),
];

const HEADERS: readonly WireCase[] = [
  refuse('a folded header', post(['X-Fold: a', '\tb', withLength], BODY)),
  refuse('a header that begins with a blank', bare(`GET PATH HTTP/1.1\r\n Host: localhost\r\n\r\n`)),
  refuse('a blank before a colon', post(['X-Thing : a', withLength], BODY)),
  refuse('a header without a colon', post(['X-Thing', withLength], BODY)),
  refuse('a header without a name', post([': a', withLength], BODY)),
  refuse('a NUL in a value', post(['X-Thing: a\u0000b', withLength], BODY)),
  refuse('a NUL in a name', post(['X-\u0000Thing: a', withLength], BODY)),
  refuse('a control character in a name', post(['X-\u0001Thing: a', withLength], BODY)),
  refuse('bytes above ASCII in a name', post(['X-Th\u00efng: a', withLength], BODY)),
  refuse('brackets in a name', post(['X-(Thing): a', withLength], BODY)),
  refuse('a bare CR in a value', post(['X-Thing: a\rX-Other: b', withLength], BODY)),
  refuse('a bare LF that begins a header', post([`X-Thing: a\nX-Other: b`, withLength], BODY)),
  refuse('bare LFs throughout', bare('GET PATH HTTP/1.1\nHost: localhost\n\n')),
  refuse('a bare LF at the end of the head', bare('GET PATH HTTP/1.1\r\nHost: localhost\r\n\n')),
  refuse('a bare CR at the end of the head', bare('GET PATH HTTP/1.1\r\nHost: localhost\r\n\rX: y\r\n\r\n')),
  once('bytes above ASCII in a value', post(['X-Thing: \u00e4\u00ff', withLength], BODY)),
  once('an empty value', post(['X-Thing:', withLength], BODY)),
  once('a tab in a value', post(['X-Thing: a\tb', withLength], BODY)),
  once('a prototype as a name', post(['__proto__: a', 'constructor: b', 'toString: c', withLength], BODY)),
  once(
    'a connection that names what frames and who asks',
    post(['Connection: close, content-length, host', withLength], BODY),
  ),
  once(
    'a connection that names headers of the proxy',
    post(['Connection: x-request-id, authorization', withLength], BODY),
  ),
  once(
    'hop-by-hop headers of several kinds',
    post(
      [
        'Connection: keep-alive, X-Gone',
        'X-Gone: 1',
        'Keep-Alive: timeout=1',
        'TE: trailers',
        'Trailer: X-After',
        'Proxy-Connection: keep-alive',
        withLength,
      ],
      BODY,
    ),
  ),
  refuse('a head that is too long', post([`X-Long: ${'a'.repeat(40_000)}`, withLength], BODY), 431),
  refuse(
    'a request line that is too long',
    bare(`GET PATH?${'a'.repeat(40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    431,
  ),
  once('more headers than Node keeps by itself, the one that frames the body last', () => [
    `DELETE /v9/thing HTTP/1.1\r\nHost: localhost\r\n${'a:\r\n'.repeat(2_100)}${TE}\r\n\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ]),
  refuse(
    'two Hosts, the second behind more headers than Node keeps by itself',
    bare(`GET PATH HTTP/1.1\r\nHost: localhost\r\n${'a:\r\n'.repeat(2_100)}Host: evil\r\n\r\n`),
  ),
  refuse(
    'more headers than anybody needs',
    post([...Array.from({ length: 5_000 }, (_, i) => `X-${i}: 1`), withLength], BODY),
    431,
  ),
];

const HOSTS: readonly WireCase[] = [
  refuse('no Host', bare('GET PATH HTTP/1.1\r\n\r\n')),
  refuse('two Hosts that differ', bare('GET PATH HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n')),
  refuse('two Hosts alike', bare('GET PATH HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n')),
  refuse('a Host with a path', bare('GET PATH HTTP/1.1\r\nHost: localhost/x\r\n\r\n')),
  refuse('a Host with credentials', bare('GET PATH HTTP/1.1\r\nHost: evil@localhost\r\n\r\n')),
  refuse('a Host of two names', bare('GET PATH HTTP/1.1\r\nHost: localhost, evil\r\n\r\n')),
  refuse('a Host with a blank', bare('GET PATH HTTP/1.1\r\nHost: local host\r\n\r\n')),
  { name: 'a foreign Host', send: bare('GET PATH HTTP/1.1\r\nHost: evil.example\r\n\r\n'), promise: { answered: 403 } },
  once('a Host with a port', bare('GET PATH HTTP/1.1\r\nHost: localhost:11435\r\n\r\n')),
  once('an IPv6 Host', bare('GET PATH HTTP/1.1\r\nHost: [::1]:11435\r\n\r\n')),
  once('an empty Host', bare('GET PATH HTTP/1.1\r\nHost:\r\n\r\n')),
  once('an absolute form', bare('GET http://localhostPATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  {
    name: 'an absolute form of a foreign name under a good Host',
    send: bare('GET http://evil.examplePATH HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    promise: { answered: 403 },
  },
  {
    name: 'an absolute form without a path',
    send: bare('GET http://localhost?PATH HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    promise: { answered: 200 },
  },
  once(
    'an absolute form of a good name under a foreign Host',
    bare('GET http://localhostPATH HTTP/1.1\r\nHost: evil.example\r\n\r\n'),
  ),
  refuse('an absolute form with credentials', bare('GET http://a:b@localhostPATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('an absolute form without a name', bare('GET http:///x HTTP/1.1\r\nHost: localhost\r\n\r\n')),
];

const LINES: readonly WireCase[] = [
  refuse('HTTP/0.9, whose head never ends', bare('GET PATH\r\n'), 408),
  refuse('HTTP/0.9 by name', bare('GET PATH HTTP/0.9\r\nHost: localhost\r\n\r\n')),
  refuse('HTTP/2.0', bare('GET PATH HTTP/2.0\r\nHost: localhost\r\n\r\n')),
  refuse('HTTP/1.2', bare('GET PATH HTTP/1.2\r\nHost: localhost\r\n\r\n')),
  refuse('HTTP/1.10', bare('GET PATH HTTP/1.10\r\nHost: localhost\r\n\r\n')),
  refuse('http in lower case', bare('GET PATH http/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('the greeting of HTTP/2', bare('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
  refuse('no version after a blank', bare('GET PATH \r\nHost: localhost\r\n\r\n')),
  once('two blanks after the method', bare('GET  PATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a tab after the method', bare('GET\tPATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a blank in the path', bare('GET PATH /x HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a NUL in the path', bare('GET PATH\u0000 HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a control character in the path', bare('GET PATH\u0001 HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a path without a slash', bare('GET api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('another scheme', bare('GET ftp://localhostPATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('an asterisk that is no OPTIONS', bare('GET * HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  {
    name: 'OPTIONS of an asterisk',
    send: bare('OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    promise: { answered: 200 },
  },
  refuse('a fragment', bare('GET PATH#x HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('an unknown method', bare('SMUGGLE PATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('a method in lower case', bare('get PATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  refuse('CONNECT', bare('CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n'), 405),
  refuse('TRACE', bare('TRACE PATH HTTP/1.1\r\nHost: localhost\r\n\r\n'), 405),
  refuse('nothing but TLS', bare('\u0016\u0003\u0001\u0000\u0005\u0001\u0000\u0000\u0001\u0000')),
  refuse('an answer in place of a request', bare('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')),
  once('empty lines before the request', bare('\r\n\r\nGET PATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  once('HTTP/1.0', bare('GET PATH HTTP/1.0\r\nHost: localhost\r\n\r\n')),
  once('HTTP/1.0 without a Host', bare('GET PATH HTTP/1.0\r\n\r\n')),
  once(
    'an encoded line break in the path',
    bare('GET PATH%0d%0aX-Injected:%201%0d%0a HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  ),
  once('a path of two slashes', bare('GET //evil.examplePATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  once('an at sign in the path', bare('GET /@evil.examplePATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  once('a backslash in the path', bare('GET /\\evil.examplePATH HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  once('a URL in the query', bare('GET PATH?u=http://evil.example/%0d%0a HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  {
    name: 'dots in the path',
    send: bare('GET /a/../..PATH HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    promise: { answered: 307 },
  },
  {
    name: 'encoded dots in the path',
    send: bare('GET /a/%2e%2e/%2E.PATH HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    promise: { answered: 307 },
  },
];

const EXPECTATIONS: readonly WireCase[] = [
  once('Expect: 100-continue', (path) => [
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n${withLength}\r\n\r\n`,
    BODY,
  ]),
  once('Expect: 100-continue with the body at once', post(['Expect: 100-continue', withLength], BODY)),
  refuse('an expectation that nobody knows', post(['Expect: 200-maybe', withLength], BODY), 417),
  refuse('an expectation after 100-continue', post(['Expect: 100-continue, x', withLength], BODY), 417),
  once(
    'an upgrade to HTTP/2',
    post(['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__', withLength], BODY),
  ),
  once(
    'an upgrade to a web socket',
    bare(
      'GET PATH HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
    ),
  ),
  {
    name: 'two requests in one packet',
    send: (path) => [
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${withLength}\r\n\r\n${BODY}GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
    promise: 'two',
  },
];

/** All of them, by what they play with. */
export const CASES: Readonly<Record<string, readonly WireCase[]>> = {
  'two framings': TWO_FRAMINGS,
  lengths: LENGTHS,
  chunks: CHUNKS,
  headers: HEADERS,
  hosts: HOSTS,
  'request lines': LINES,
  'expectations, upgrades and pipelines': EXPECTATIONS,
};
