import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf, JsonSyntaxError, membersOf, scanBody, type Members, type Span } from '../../src/forward/json-scan.ts';
import { readGoBody } from '../support/go-reader.ts';

const RUNS = { numRuns: 5_000 };

/** Keys that fold onto each other, that need escapes, and that are nothing special. */
const key = fc.constantFrom('model', 'MODEL', 'Model', 'stream', 'ſtream', 'k', 'K', '\u212A', 'a"b', 'tab\t', 'é', '');
const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\n', '🙂', 'é', '{', ']', ',', ':', ' '),
  maxLength: 12,
});
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar.map((each) => JSON.stringify(each)),
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 5 })
    .map((members) => `{${members.map(([name, each]) => `${JSON.stringify(name)} : ${each}`).join(',')}}`),
}));
const object = fc
  .array(fc.tuple(key, value), { maxLength: 6 })
  .map((members) => `{${members.map(([name, each]) => `${JSON.stringify(name)}:${each}`).join(',')}}`);

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const edit = fc.record({
  at: fc.nat(600),
  remove: fc.nat(3),
  insert: fc.constantFrom(
    '',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    'u',
    '0',
    '-',
    '.',
    'e',
    '\n',
    '\u0001',
    'é',
    ' ',
  ),
});
const edited = (bytes: Buffer, { at, remove, insert }: Edit): Buffer => {
  const from = Math.min(at, bytes.length);
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(insert), bytes.subarray(from + remove)]);
};

/** Bodies as clients send them, and bodies that something has damaged. */
const body = fc
  .tuple(
    fc.constantFrom('', ' ', '\n\t'),
    object,
    fc.constantFrom('', ' ', ' trailing', '{}'),
    fc.array(edit, { maxLength: 3 }),
  )
  .map(([before, json, after, edits]) => {
    let bytes: Buffer = Buffer.from(before + json + after);
    for (const each of edits) bytes = edited(bytes, each);
    return bytes;
  })
  // Longer strings are checked by the backend alone, which is a liberty taken on purpose.
  .filter((bytes) => bytes.length < 500);

const scan = (bytes: Buffer): Members | undefined => {
  try {
    return scanBody(bytes);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
};

describe('scanning a request body', () => {
  it('accepts what Go accepts, refuses what Go refuses, and finds the same members at the same bytes', () => {
    fc.assert(
      fc.property(body, (bytes) => {
        const found = scan(bytes);
        const expected = readGoBody(bytes);
        expect(found && Object.fromEntries(found)).toEqual(expected && Object.fromEntries(expected));
      }),
      RUNS,
    );
  });

  it('throws nothing but its own error, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), body), (bytes) => {
        scan(Buffer.from(bytes));
      }),
      RUNS,
    );
  });

  it('gives spans of which every one can be looked into without an error', () => {
    const look = (bytes: Buffer, span: Span): void => {
      if (span.type === 'object') for (const inner of membersOf(bytes, span).values()) look(bytes, inner);
      if (span.type === 'array') for (const inner of itemsOf(bytes, span)) look(bytes, inner);
    };
    fc.assert(
      fc.property(body, (bytes) => {
        for (const span of scan(bytes)?.values() ?? []) look(bytes, span);
      }),
      RUNS,
    );
  });

  it('gives spans that can be cut out and replaced, and everything else stays', () => {
    fc.assert(
      fc.property(object, text, (json, name) => {
        const bytes = Buffer.from(json.replace('{', json === '{}' ? '{"model":"m"' : '{"model":"m",'));
        const span = scanBody(bytes).get('model');
        if (span === undefined) throw new Error('a model is always there');
        const next = Buffer.concat([
          bytes.subarray(0, span.start),
          Buffer.from(JSON.stringify(name)),
          bytes.subarray(span.end),
        ]);
        const after = scanBody(next);
        const model = after.get('model');
        expect(model && JSON.parse(next.toString('utf8', model.start, model.end))).toBe(name);
        for (const [other, { start, end }] of scanBody(bytes)) {
          const moved = after.get(other);
          if (other === 'model') continue;
          expect(moved && next.subarray(moved.start, moved.end)).toEqual(bytes.subarray(start, end));
        }
      }),
      { numRuns: 300 },
    );
  });
});
