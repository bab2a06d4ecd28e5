const NONE = '–';

const plain = (value, digits) => value.toLocaleString('en', { maximumFractionDigits: digits });

/** A duration that a person reads at a glance. @param ms null = not known */
export const duration = (ms) => {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 10) return `${plain(ms, 1)} ms`;
  if (ms < 1_000) return `${plain(ms, 0)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')} min`;
};

/** The same, in one unit: how long something is ago or ahead. */
export const span = (ms) => {
  if (ms === null || ms === undefined) return NONE;
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
};

/** Bytes as Ollama prints them. */
export const bytes = (count) => {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(0)} MB`;
  if (count >= 1e3) return `${(count / 1e3).toFixed(0)} kB`;
  return `${count} B`;
};

/** A count or a rate in about three figures. */
export const amount = (value) => {
  if (value === null || value === undefined) return NONE;
  if (value >= 1_000_000) return `${plain(value / 1_000_000, value >= 100_000_000 ? 0 : 1)} M`;
  if (value >= 10_000) return `${plain(value / 1_000, value >= 100_000 ? 0 : 1)} k`;
  if (value >= 100) return plain(value, 0);
  return plain(value, value >= 10 ? 1 : 2);
};

export const clock = (time) =>
  new Date(time).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** `3 servers`, `1 server`. */
export const count = (number, word) => `${plain(number, 0)} ${word}${number === 1 ? '' : 's'}`;
