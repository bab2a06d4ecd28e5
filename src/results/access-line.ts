import type { RequestRecord } from './history.ts';

/** Text that JSON has as it is, in quotes. */
const AS_IS = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string => (AS_IS.test(text) ? `"${text}"` : JSON.stringify(text));

const text = (name: string, value: string | undefined): string =>
  value === undefined ? '' : `,"${name}":${quoted(value)}`;

const number = (name: string, value: number | undefined): string =>
  value === undefined ? '' : `,"${name}":${Number.isFinite(value) ? value : 'null'}`;

/** To a tenth. */
const tenth = (name: string, value: number | undefined): string =>
  value === undefined ? '' : number(name, Math.round(value * 10) / 10);

/** How the attempts failed, as a JSON list. */
const failures = ({ attempts, outcome }: RequestRecord): string => {
  if (outcome === 'served' && attempts.length === 1) return '[]';
  const texts: string[] = [];
  for (const each of attempts) {
    if (each.outcome.kind === 'backend-failed') texts.push(`${each.backend}: ${each.outcome.message}`);
  }
  return JSON.stringify(texts);
};

/**
 * One flat line with what is needed to answer "why was this slow": the members of a JSON object, without its braces. It is
 * put together by hand because it is written for every request, of fields whose names and kinds are known.
 */
export const accessLine = (record: RequestRecord): string => {
  const { attempts, usage } = record;
  const last = attempts.at(-1);
  return (
    `"requestId":${quoted(record.id)}` +
    text('key', record.key) +
    text('method', record.method) +
    text('path', record.path) +
    number('status', record.status) +
    text('outcome', record.outcome) +
    text('error', record.error) +
    text('model', record.model) +
    text('category', record.category) +
    text('strategy', record.strategy) +
    text('arm', record.arm) +
    text('backend', last?.backend) +
    text('backendModel', last?.model === record.model ? undefined : last?.model) +
    text('why', last?.why) +
    number('attempts', attempts.length) +
    `,"failures":${failures(record)}` +
    tenth('queueMs', record.queueMs) +
    tenth('firstByteMs', record.firstByteMs) +
    tenth('totalMs', record.totalMs) +
    tenth('loadMs', usage?.loadMs) +
    tenth('prefillMs', usage?.prefillMs) +
    tenth('decodeMs', usage?.decodeMs) +
    number('promptTokens', usage?.promptTokens) +
    number('outputTokens', usage?.outputTokens) +
    number('cachedTokens', usage?.cachedTokens ?? last?.cachedTokens) +
    tenth('foreseenFirstMs', last?.foreseenFirstMs)
  );
};

/** The same as fields, for a log that takes no lines. */
export const accessFields = (record: RequestRecord): object => JSON.parse(`{${accessLine(record)}}`) as object;
