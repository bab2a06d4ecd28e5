import { createHash } from 'node:crypto';
import { migrate } from './migrate.ts';
import type { LoadedRecord } from './store.ts';

/**
 * The text of saved state, lines of JSON: a head that names format and version, a record each, and last the SHA-256 of
 * all bytes before that line. A file that was cut short or changed is told by it.
 */

const FORMAT = 'ollama-task-router state';

/** The version that is written; older ones are migrated (migrate.ts). */
export const STATE_VERSION = 1;

/** The text cannot be used: cut short, changed, foreign, or of a later version. The message says which. */
export class UnusableStateError extends Error {
  override readonly name = 'UnusableStateError';
}

/** The first line. @param savedAt ms since the epoch */
export const headLine = (savedAt: number): string =>
  `${JSON.stringify({ format: FORMAT, version: STATE_VERSION, savedAt: new Date(savedAt).toISOString() })}\n`;

/** The last line. @param sha256 of everything before it, in hex */
export const lastLine = (sha256: string): string => `${JSON.stringify({ sha256 })}\n`;

export interface StateDocument {
  /** ms since the epoch; undefined = the version that was read did not say. */
  readonly savedAt: number | undefined;
  readonly version: number;
  /** Migrated to the present version. */
  readonly records: readonly LoadedRecord[];
}

const NEWLINE = 0x0a;

/** Reads a whole text. @throws {UnusableStateError} */
export const readDocument = (bytes: Uint8Array): StateDocument => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.length === 0) throw new UnusableStateError('it is empty');
  const head = objectIn(text, 0, lineEnd(text, 0));
  if (head?.['format'] !== FORMAT) return readUnversioned(text);
  const { version, savedAt } = head;
  if (typeof version !== 'number' || version < 1) throw new UnusableStateError('its head names no version');
  if (version > STATE_VERSION) {
    throw new UnusableStateError(`it is of version ${version}; this release reads up to ${STATE_VERSION}`);
  }
  if (text.at(-1) !== NEWLINE) throw new UnusableStateError('its end is missing');
  const last = text.lastIndexOf(NEWLINE, text.length - 2) + 1;
  const sum = objectIn(text, last, text.length)?.['sha256'];
  if (typeof sum !== 'string') throw new UnusableStateError('its end is missing');
  if (sum !== createHash('sha256').update(text.subarray(0, last)).digest('hex')) {
    throw new UnusableStateError('its checksum does not match what it holds');
  }
  const records: LoadedRecord[] = [];
  for (let from = lineEnd(text, 0); from < last;) {
    const to = lineEnd(text, from);
    const record = objectIn(text, from, to);
    if (!isRecord(record)) throw new UnusableStateError(`the line at byte ${from} is no record`);
    records.push(record);
    from = to;
  }
  const saved = typeof savedAt === 'string' ? Date.parse(savedAt) : Number.NaN;
  return { version, savedAt: Number.isFinite(saved) ? saved : undefined, records: migrate(version, records) };
};

/** Version 0 is one JSON value: what `TaskRouter.snapshot()` of the library gives. */
const readUnversioned = (text: Buffer): StateDocument => {
  const value = objectIn(text, 0, text.length);
  const records = value === undefined ? [] : migrate(0, [value]);
  if (records.length === 0) throw new UnusableStateError('it is no state of this product');
  return { version: 0, savedAt: undefined, records };
};

/** One past the end of the line that begins at `from`. */
const lineEnd = (text: Buffer, from: number): number => {
  const at = text.indexOf(NEWLINE, from);
  return at < 0 ? text.length : at + 1;
};

const objectIn = (text: Buffer, from: number, to: number): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text.toString('utf8', from, to));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
};

const isRecord = (value: Readonly<Record<string, unknown>> | undefined): value is LoadedRecord =>
  typeof value?.['kind'] === 'string';
