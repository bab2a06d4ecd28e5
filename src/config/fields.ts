import { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { bad, good, quote, readDuration, readHostPort, readSize, type Reading } from './units.ts';

export type Reader<T> = (value: unknown) => Reading<T>;

type JsonSchema = Readonly<Record<string, unknown>>;

// An editor that checks the file sees the text before the environment is put in.
const VARIABLE: JsonSchema = { type: 'string', pattern: String.raw`\$\{` };
const withVariable = (json: JsonSchema): JsonSchema => ({ anyOf: [json, VARIABLE] });

/** A zod type for one value: `read` decides and words the problem, `json` is what editors are told. */
const field = <T>(read: Reader<T>, json: JsonSchema) =>
  z
    .unknown()
    .transform((value, context): T => {
      const reading = value === undefined ? bad('is required') : read(value);
      if (reading.ok) return reading.value;
      context.addIssue({ code: 'custom', message: reading.message });
      return z.NEVER;
    })
    .meta({ ...json });

const readText: Reader<string> = (value) => {
  if (typeof value === 'string') return value.trim() === '' ? bad('must not be empty') : good(value);
  return bad(typeof value === 'object' ? 'must be text' : 'must be text: put it in quotes');
};

interface Range {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
}

const rangeWords = ({ min, above, max }: Range): string => {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return above === undefined ? '' : ` greater than ${above}`;
};

const readNumber =
  (kind: 'number' | 'whole number', range: Range): Reader<number> =>
  (value) => {
    // A variable's value arrives as text.
    const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    const fits =
      typeof number === 'number' &&
      Number.isFinite(number) &&
      (kind === 'number' || Number.isSafeInteger(number)) &&
      number >= (range.min ?? -Infinity) &&
      number > (range.above ?? -Infinity) &&
      number <= (range.max ?? Infinity);
    return fits ? good(number) : bad(`${quote(value)} is not a ${kind}${rangeWords(range)}`);
  };

const numberJson = (type: 'number' | 'integer', { min, above, max }: Range): JsonSchema => ({
  type,
  ...(min === undefined ? {} : { minimum: min }),
  ...(above === undefined ? {} : { exclusiveMinimum: above }),
  ...(max === undefined ? {} : { maximum: max }),
});

const DURATION_JSON: JsonSchema = {
  type: 'string',
  pattern: String.raw`^(\d+(\.\d+)?(ms|s|m|h))+$|\$\{`,
};
const SIZE_JSON: JsonSchema = {
  type: 'string',
  pattern: String.raw`^\d+(\.\d+)? ?(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$|\$\{`,
};
const ADDRESS_JSON: JsonSchema = {
  type: 'string',
  pattern: String.raw`^(\[.+\]|[\w.-]+):\d{1,5}$|\$\{`,
};

/** The word, or else what `read` makes of the value. */
const orWord =
  <T, V>(word: string, meaning: V, read: Reader<T>): Reader<T | V> =>
  (value) => {
    if (value === word) return good(meaning);
    const reading = read(value);
    return reading.ok ? reading : bad(`${reading.message}; or write ${word}`);
  };
const orWordJson = (word: string, json: JsonSchema): JsonSchema => ({ anyOf: [{ const: word }, json] });

/** Text that is not blank. */
export const text = () => field(readText, { type: 'string', minLength: 1 });

/** Text that is not blank, or `off`. */
export const textOrOff = () => field(orWord('off', undefined, readText), { type: 'string', minLength: 1 });

/** A value of the given kind of text, with what editors are told. */
export const textAs = <T>(read: (value: string) => Reading<T>, json: JsonSchema = {}) =>
  field(
    (value) => {
      const reading = readText(value);
      return reading.ok ? read(reading.value) : reading;
    },
    { type: 'string', ...json },
  );

/** The same, or empty text, which means "none". */
export const optionalTextAs = <T>(read: (value: string) => Reading<T>, json: JsonSchema = {}) =>
  field(
    (value) => {
      if (value === '') return good(undefined);
      const reading = readText(value);
      return reading.ok ? read(reading.value) : reading;
    },
    { type: 'string', ...json },
  );

export const whole = (range: Range) =>
  field(readNumber('whole number', range), withVariable(numberJson('integer', range)));
export const wholeOrAuto = (range: Range) =>
  field(
    orWord('auto', 'auto' as const, readNumber('whole number', range)),
    withVariable(orWordJson('auto', numberJson('integer', range))),
  );
export const wholeOrOff = (range: Range) =>
  field(
    orWord('off', undefined, readNumber('whole number', range)),
    withVariable(orWordJson('off', numberJson('integer', range))),
  );
/** A whole number, or one of two words. */
export const wholeOrEither = <const A extends string, const B extends string>(a: A, b: B, range: Range) =>
  field(
    orWord(a, a, orWord(b, b, readNumber('whole number', range))),
    withVariable({ anyOf: [{ enum: [a, b] }, numberJson('integer', range)] }),
  );
export const decimal = (range: Range) => field(readNumber('number', range), withVariable(numberJson('number', range)));

/** Milliseconds. */
export const duration = (minMs = 1) => field((value) => readDuration(value, minMs), DURATION_JSON);
export const durationOrOff = (minMs = 1) =>
  field(
    orWord('off', undefined, (value) => readDuration(value, minMs)),
    orWordJson('off', DURATION_JSON),
  );

/** Bytes. */
export const size = (minBytes = 1) => field((value) => readSize(value, minBytes), SIZE_JSON);
export const sizeOrAuto = (minBytes = 1) =>
  field(
    orWord('auto', 'auto' as const, (value) => readSize(value, minBytes)),
    orWordJson('auto', SIZE_JSON),
  );

export const address = () => field(readHostPort, ADDRESS_JSON);
export const addressOrOff = () => field(orWord('off', undefined, readHostPort), orWordJson('off', ADDRESS_JSON));

export const flag = () =>
  field(
    (value) => {
      if (value === true || value === 'true') return good(true);
      if (value === false || value === 'false') return good(false);
      return bad(`${quote(value)} is neither true nor false`);
    },
    withVariable({ type: 'boolean' }),
  );

/** One of a closed set of words. */
export const choice = <const W extends string>(words: readonly W[]) =>
  field(
    (value) => {
      const found = words.find((word) => word === value);
      if (found !== undefined) return good(found);
      const hint = typeof value === 'string' ? didYouMean(value, words) : '';
      return bad(`${quote(value)} is not one of ${words.join(', ')}${hint}`);
    },
    withVariable({ enum: words }),
  );
