import { bad, good, quote, type Reading } from './units.ts';

/** Letters, digits and `._:-`: safe in a header, a metric label and a path of the admin API. */
export const readBackendName = (name: string): Reading<string> =>
  /^[A-Za-z0-9][\w.:-]{0,99}$/.test(name)
    ? good(name)
    : bad(`${quote(name)} cannot name a backend: use letters, digits, ".", "_", ":" and "-" (at most 100), like gpu-1`);

/**
 * The base URL of an Ollama server: http or https, no query, fragment or credentials (they belong in `headers`). A path
 * prefix is kept, without its last slash. The text is not quoted back where it may hold a password.
 */
export const readBackendUrl = (text: string): Reading<URL> => {
  const help = 'write something like http://gpu-1:11434';
  if (!/^https?:\/\//i.test(text)) {
    const shown = text.includes('@') ? 'the URL' : quote(text);
    return bad(`${shown} must start with http:// or https://: ${help}`);
  }
  if (!URL.canParse(text)) return bad(`this is not a URL that can be reached: ${help}`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return bad('must not hold credentials: send them with headers, like { Authorization: "Bearer ${TOKEN}" }');
  }
  if (url.search !== '' || url.hash !== '') return bad(`must end after its path, without "?" and "#": ${help}`);
  url.pathname = url.pathname.replace(/\/+$/, '');
  return good(url);
};

// The connection's own headers (RFC 9110 §7.6.1, RFC 9112 §6): set by the proxy, wrong anywhere else.
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What is wrong with the name of a header to send (RFC 9110 §5.1), or undefined. */
export const headerNameProblem = (name: string): string | undefined => {
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name))
    return `${quote(name)} is not the name of a header: use letters, digits and "-"`;
  if (OWN_HEADERS.has(name.toLowerCase())) return `"${name}" belongs to the connection and cannot be set`;
  return undefined;
};

/** A header's value (RFC 9110 §5.5), which is never quoted back: it may be a secret. */
export const readHeaderValue = (value: string): Reading<string> =>
  /^[\t\u0020-\u007E\u0080-\u00FF]*$/.test(value)
    ? good(value.trim())
    : bad('holds a character that no header may carry (a line break or another control character, or one past U+00FF)');

/** The name of a header that web pages may send or read (RFC 9110 §5.1). */
export const readCorsHeader = (name: string): Reading<string> =>
  /^[!#$%&'*+.^`|~\w-]+$/.test(name) ? good(name) : bad(`${quote(name)} is not the name of a header`);

/** A secret that travels in a header; never quoted back. */
export const readToken = (value: string): Reading<string | undefined> =>
  /^[\u0021-\u007E]+$/.test(value)
    ? good(value)
    : bad('must be printable ASCII without spaces: it travels in a header');

/** The origin of a web page (RFC 6454 §6.2) as browsers send it, with `*` in the place of any text; or `*` alone. */
export const readOrigin = (text: string): Reading<string> =>
  /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[^\s/?#]+)$/i.test(text)
    ? good(text)
    : bad(
        `${quote(text)} is no origin: write a scheme and a host, like https://chat.example.com or https://*.example.com`,
      );
