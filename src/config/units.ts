import type { HostPort } from './types.ts';

/** What a reader made of a value: the typed value, or what is wrong with it and what to write instead. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

export const good = <T>(value: T): Reading<T> => ({ ok: true, value });
export const bad = (message: string): Reading<never> => ({ ok: false, message });

/** A value as an error message quotes it, short enough for one line. */
export const quote = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Node's timers turn a delay of 2³¹ ms or more into 1 ms, so a duration ends at the last whole hour before that. */
export const MAX_DURATION_MS = 596 * 3_600_000;

// Largest first: also the order in which the parts of a duration may follow each other.
const DURATION_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

const DURATION_HELP = 'write a number with a unit (ms, s, m, h), like 500ms, 30s or 1m30s';

/**
 * Reads `500ms`, `30s`, `1.5h` or `1m30s` as whole milliseconds. Units go from large to small, each at most once.
 * Refuses what lies outside `minMs`…`MAX_DURATION_MS`.
 */
export const readDuration = (value: unknown, minMs = 0): Reading<number> => {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value))) {
    return bad(`${value} has no unit: write ${value}s, ${value}m or ${value}ms`);
  }
  if (typeof value !== 'string') return bad(`${quote(value)} is not a duration: ${DURATION_HELP}`);
  let total = 0;
  let rest = value;
  let nextUnit = 0;
  do {
    const part = /^(\d+(?:\.\d+)?)(ms|s|m|h)/.exec(rest);
    const index = DURATION_UNITS.findIndex(([unit]) => unit === part?.[2]);
    const ms = DURATION_UNITS[index]?.[1];
    if (part === null || ms === undefined || index < nextUnit) {
      return bad(`${quote(value)} is not a duration: ${DURATION_HELP}`);
    }
    total += Number(part[1]) * ms;
    nextUnit = index + 1;
    rest = rest.slice(part[0].length);
  } while (rest !== '');
  const ms = Math.round(total);
  if (ms < minMs) return bad(`${quote(value)} is too short: at least ${formatDuration(minMs)}`);
  if (ms > MAX_DURATION_MS) return bad(`${quote(value)} is too long: at most ${formatDuration(MAX_DURATION_MS)}`);
  return good(ms);
};

/** Whole milliseconds (≥ 0) as `readDuration` reads them back exactly. */
export const formatDuration = (ms: number): string => {
  let rest = ms;
  let text = '';
  for (const [unit, size] of DURATION_UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
};

const SIZE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TiB', 2 ** 40],
  ['TB', 1e12],
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['KB', 1e3],
  ['B', 1],
];

/** Reads `64MiB`, `10MB`, `1.5GiB` or `100B` as whole bytes, at least `minBytes`. */
export const readSize = (value: unknown, minBytes = 0): Reading<number> => {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value))) {
    return bad(`${value} has no unit: write ${value}MiB, ${value}KiB or ${value}B`);
  }
  const part = typeof value === 'string' ? /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(value) : null;
  const unit = SIZE_UNITS.find(([name]) => name === part?.[2]);
  if (part === null || unit === undefined) {
    const names = SIZE_UNITS.map(([name]) => name).toReversed();
    return bad(`${quote(value)} is not a size: write a number with a unit (${names.join(', ')}), like 64MiB`);
  }
  const bytes = Math.round(Number(part[1]) * unit[1]);
  if (bytes < minBytes) return bad(`${quote(value)} is too small: at least ${formatSize(minBytes)}`);
  if (!Number.isSafeInteger(bytes)) return bad(`${quote(value)} is too large`);
  return good(bytes);
};

/** Whole bytes (≥ 0) in the largest unit that divides them, as `readSize` reads them back exactly. */
export const formatSize = (bytes: number): string => {
  const [unit, size] = SIZE_UNITS.find(([, each]) => bytes > 0 && bytes % each === 0) ?? ['B', 1];
  return `${bytes / size}${unit}`;
};

/** Reads `127.0.0.1:11435`, `name:11435` or `[::1]:11435`; port 0…65535, 0 lets the system choose. */
export const readHostPort = (value: unknown): Reading<HostPort> => {
  const help = 'write HOST:PORT, like 127.0.0.1:11435 or "[::1]:11435"';
  const part =
    typeof value === 'string' ? /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w.-]+)):(\d{1,5})$/.exec(value.trim()) : null;
  const host = part?.[1] ?? part?.[2];
  if (host === undefined) return bad(`${quote(value)} is not an address: ${help}`);
  if (part?.[1] !== undefined && !URL.canParse(`http://[${host}]`)) {
    return bad(`${quote(value)} is not an address: [${host}] is no IPv6 address`);
  }
  const port = Number(part?.[3]);
  if (port > 65_535) return bad(`port ${port} does not exist: ports go from 0 to 65535`);
  return good({ host: host.toLowerCase(), port });
};

/** `host:port`, an IPv6 host in brackets. */
export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
