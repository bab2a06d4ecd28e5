import { bad, good, quote, type Reading } from './units.ts';

const NAME_HELP = 'use letters, digits, ".", "_", ":", "@" and "-" (at most 100), like ci';

/** Letters, digits and `._:@-`: safe in a log line, a metric label and a message. */
export const readKeyName = (name: string): Reading<string> =>
  /^[A-Za-z0-9][\w.:@-]{0,99}$/.test(name) ? good(name) : bad(`${quote(name)} cannot name a key: ${NAME_HELP}`);

/** The same for whom a key belongs to. */
export const readTenant = (name: string): Reading<string> =>
  /^[A-Za-z0-9][\w.:@-]{0,99}$/.test(name) ? good(name) : bad(`${quote(name)} cannot name a tenant: ${NAME_HELP}`);

/** `sha256:` and 64 hexadecimal digits, as these digits in lower case. Never quoted back: it may be the key itself. */
export const readKeyHash = (text: string): Reading<string> => {
  const digits = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
  return digits === undefined
    ? bad('must be "sha256:" and 64 hexadecimal digits: "ollama-task-router key new" makes a key and prints this line')
    : good(digits.toLowerCase());
};

/** `2026-12-31` (to the end of that day, UTC) or a moment (RFC 3339) like `2026-12-31T18:00:00Z`, as ms since 1970. */
export const readNotAfter = (text: string): Reading<number> => {
  const help = 'write a day like 2026-12-31, or a moment like 2026-12-31T18:00:00Z';
  const day = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(text);
  const ms = Date.parse(text);
  const midnight = Date.parse(`${day?.[1] ?? ''}T00:00:00Z`);
  // A day that its month does not have rolls over into the next one.
  const exists = Number.isFinite(midnight) && new Date(midnight).toISOString().slice(0, 10) === day?.[1];
  if (day === null || !Number.isFinite(ms) || !exists) return bad(`${quote(text)} is no day or moment: ${help}`);
  return good(day[2] === undefined ? ms + 86_400_000 : ms);
};
