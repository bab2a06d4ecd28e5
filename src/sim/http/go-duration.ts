const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration (`1h30m`, `-1m`, `0`) in ms, undefined if the text is none. */
export const parseGoDuration = (text: string): number | undefined => {
  const match = /^([+-]?)(.*)$/s.exec(text);
  const body = match?.[2] ?? '';
  if (body === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let sum = 0;
  for (const [, number, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sum += Number(number) * (UNITS[unit ?? ''] ?? 0);
  }
  return match?.[1] === '-' ? -sum : sum;
};

export type KeepAlive =
  /** ms; Infinity = for good; undefined = the request says nothing. */
  { readonly ok: true; readonly ms: number | undefined } | { readonly ok: false; readonly error: string };

/** `keep_alive` as Ollama reads it (`Duration` in api/types.go): a number of seconds or a Go duration; negative = for good. */
export const readKeepAlive = (value: unknown): KeepAlive => {
  if (value === undefined) return { ok: true, ms: undefined };
  if (typeof value === 'number') return { ok: true, ms: value < 0 ? Number.POSITIVE_INFINITY : value * 1000 };
  if (typeof value !== 'string') return { ok: false, error: `Unsupported type: '${typeof value}'` };
  const ms = parseGoDuration(value);
  if (ms !== undefined) return { ok: true, ms: ms < 0 ? Number.POSITIVE_INFINITY : ms };
  const known = /^[+-]?\d+\.?\d*$/.test(value) ? 'missing unit in duration' : 'invalid duration';
  return { ok: false, error: `time: ${known} ${JSON.stringify(value)}` };
};
