const UNKNOWN = '–';

/** ms as a person reads it at a glance; `–` where it is not known. */
export const duration = (ms: number | undefined): string => {
  if (ms === undefined) return UNKNOWN;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')} min`;
};

/** A count or a rate in two or three figures. */
export const amount = (value: number | undefined): string => {
  if (value === undefined) return UNKNOWN;
  if (value >= 999_500) return `${(value / 1e6).toFixed(value < 9.95e6 ? 1 : 0)}M`;
  if (value >= 9_995) return `${(value / 1e3).toFixed(0)}k`;
  if (value >= 9.95 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value < 0.95 ? 2 : 1);
};

/** Bytes as Ollama prints them, in powers of ten. */
export const bytes = (count: number): string => {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(0)} MB`;
  return `${Math.round(count / 1e3)} kB`;
};

const STEPS = '▁▂▃▄▅▆▇█';

/** A row of bars from nothing to the largest of the values. */
export const bars = (values: readonly number[]): string => {
  const most = Math.max(0, ...values);
  if (most === 0) return STEPS.charAt(0).repeat(values.length);
  return values.map((value) => STEPS.charAt(Math.min(7, Math.floor((Math.max(0, value) / most) * 8)))).join('');
};
