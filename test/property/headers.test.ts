import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestHeaders, responseHeaders } from '../../src/forward/headers.ts';

const HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'upgrade',
];
const OURS = ['x-task-router-backend', 'X-Task-Router-Session', 'x-request-id'];
const KEPT = ['Accept', 'X-Custom', 'x-custom', 'User-Agent', 'Set-Cookie', 'Content-Type', 'Authorization'];

const anyCase = (name: string): fc.Arbitrary<string> => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase());
const name = fc.constantFrom(...HOP, ...OURS, ...KEPT, 'X-Named').chain(anyCase);
const value = fc.string({ unit: fc.constantFrom('a', ' ', ',', '=', '\u00e9'), maxLength: 6 });
const named = fc.constantFrom('keep-alive', 'close', 'X-Named', 'x-named, close', 'keep-alive ,X-NAMED', ' , ');
const list = fc
  .array(fc.tuple(name, value), { maxLength: 12 })
  .chain((pairs) =>
    fc
      .array(named, { minLength: pairs.length, maxLength: pairs.length })
      .map((names) =>
        pairs.map(
          ([header, text], i) => [header, header.toLowerCase() === 'connection' ? (names[i] ?? '') : text] as const,
        ),
      ),
  );

const pairsOf = (flat: readonly string[]): (readonly [string, string])[] =>
  flat.filter((_, i) => i % 2 === 0).map((header, i) => [header, flat[2 * i + 1] ?? '']);

/** What must be left over, by the plainest reading of the rules. */
const left = (pairs: readonly (readonly [string, string])[]): (readonly [string, string])[] => {
  const connection = pairs
    .filter(([header]) => header.toLowerCase() === 'connection')
    .map(([, text]) => text.toLowerCase());
  const isNamed = connection.some((text) => text.includes('x-named'));
  return pairs.filter(([header]) => {
    const lower = header.toLowerCase();
    return KEPT.some((each) => each.toLowerCase() === lower) || (lower === 'x-named' && !isNamed);
  });
};

describe('header filters', () => {
  it('let everything through to a backend, repeats and order kept, but what belongs to one connection or to us', () => {
    fc.assert(
      fc.property(list, (pairs) => {
        const out = pairsOf(requestHeaders(pairs.flat(), 'id-1', {}));
        expect(out).toEqual([...left(pairs), ['x-request-id', 'id-1']]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('let everything through to a client likewise, whether names and values come as text or as bytes', () => {
    fc.assert(
      fc.property(list, fc.boolean(), (pairs, bytes) => {
        const raw = pairs.flat().map((each) => (bytes ? Buffer.from(each, 'latin1') : each));
        expect(pairsOf(responseHeaders(raw))).toEqual(left(pairs));
      }),
      { numRuns: 1_000 },
    );
  });

  it('put the backend’s own headers in the place of the client’s', () => {
    fc.assert(
      fc.property(list, value, (pairs, secret) => {
        const out = pairsOf(requestHeaders(pairs.flat(), 'id-1', { authorization: secret }));
        const found = out.filter(([header]) => header.toLowerCase() === 'authorization');
        expect(found).toEqual([['authorization', secret]]);
      }),
      { numRuns: 500 },
    );
  });
});
