import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/core/types.ts';
import { endsWhole, firstRecord, StreamTail, type StreamEnd } from '../../src/forward/events.ts';
import { SPEECHES, type Speech } from '../support/scripts.ts';

/** A stream, and what is true of it by construction. */
interface Sample {
  readonly bytes: Buffer;
  readonly ends: 'whole' | 'error' | 'early';
  readonly first: 'fine' | 'error';
}

const words = fc.string({
  unit: fc.constantFrom('a', 'ü', '日', '🙂', '\n', '"', '\\', 'data: [DONE]', ' '),
  maxLength: 8,
});

const sample = (speech: Speech): fc.Arbitrary<Sample> =>
  fc
    .record({
      tokens: fc.array(words, { maxLength: 12 }),
      ends: fc.constantFrom('whole' as const, 'error' as const, 'early' as const),
      crlf: fc.boolean(),
      newline: fc.boolean(),
    })
    .map(({ tokens, ends, crlf, newline }) => {
      const tail = { whole: speech.last, error: speech.error('broken'), early: '' }[ends];
      let text = tokens.map((token) => speech.token(token)).join('') + tail;
      if (!newline) text = text.trimEnd();
      if (crlf && speech.dialect !== 'native') text = text.replaceAll('\n', '\r\n');
      return { bytes: Buffer.from(text), ends, first: tokens.length === 0 && ends === 'error' ? 'error' : 'fine' };
    });

const cutAt = (bytes: Buffer, cuts: readonly number[] | 'every byte'): Buffer[] => {
  if (cuts === 'every byte') return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...places]
    .map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
    .filter(({ length }) => length > 0);
};
const pieces = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.nat(5_000), { maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constant('every byte' as const) },
);

const endOf = (dialect: Dialect, chunks: readonly Buffer[]): StreamEnd => {
  const tail = new StreamTail(dialect);
  for (const chunk of chunks) tail.push(chunk);
  return tail.end();
};

describe.each(SPEECHES)('reading a $dialect stream', (speech) => {
  const { dialect } = speech;

  it('gives one verdict for its end, however the bytes were cut', () => {
    fc.assert(
      fc.property(sample(speech), pieces, ({ bytes, ends }, cuts) => {
        const end = endOf(dialect, cutAt(bytes, cuts));
        expect(end.complete).toBe(ends === 'whole');
        expect(end.error).toBe(ends === 'error' ? 'broken' : undefined);
        if (ends === 'whole') expect(end.usage).toMatchObject({ promptTokens: 3, outputTokens: 7 });
      }),
      { numRuns: 300 },
    );
  });

  it('gives one verdict for its beginning, as soon as the first record is whole and not before', () => {
    fc.assert(
      fc.property(sample(speech), pieces, ({ bytes, first }, cuts) => {
        let head: Buffer = Buffer.alloc(0);
        for (const chunk of cutAt(bytes, cuts)) {
          const before = firstRecord(dialect, head);
          expect(before).toEqual({ kind: 'more' });
          head = Buffer.concat([head, chunk]);
          const verdict = firstRecord(dialect, head);
          if (verdict.kind === 'more') continue;
          expect(verdict).toEqual(first === 'error' ? { kind: 'error', message: 'broken' } : { kind: 'fine' });
          return;
        }
        // Never whole: there was nothing, or one record without its end.
        expect(endsWhole(dialect, bytes.toString('latin1').slice(-3))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
