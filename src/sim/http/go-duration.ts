import { parseGoDuration } from '../../core/go-duration.ts';

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
