import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stripKeepAlive } from '../../src/forward/strip-keep-alive.ts';

const space = fc.constantFrom('', ' ', '\n  ', '\t');
const key = fc.oneof(
  fc.constantFrom('"keep_alive"', '"KEEP_ALIVE"', '"Keep_Alive"', String.raw`"keep\u005falive"`, '"\u212Aeep_alive"'),
  fc.constantFrom('"model"', '"prompt"', '"options"', '"keep_alive2"', '"x"', '""'),
  fc.string().map((text) => JSON.stringify(text)),
);
const value = fc.oneof(
  fc.json(),
  fc.constantFrom('{"keep_alive":"5m","a":[{"keep_alive":1}]}', String.raw`"\"keep_alive\":1,"`, '"5m"', '-1', 'null'),
);
/** One member as it may be written, and whether it is a keep_alive. */
const member = fc.tuple(key, value, space, space).map(([name, json, before, after]) => ({
  text: `${name}${before}:${after}${json}`,
  drop: String(JSON.parse(name)).toLowerCase() === 'keep_alive',
}));
/** A body in pieces: what stands before the members, between and behind them. */
const body = fc.record({
  before: space,
  members: fc.array(fc.tuple(space, member, space), { maxLength: 6 }),
  tail: fc.constantFrom('', '\n', ' trailing {"keep_alive":1}'),
});

const written = ({ before, members, tail }: typeof body extends fc.Arbitrary<infer T> ? T : never): string =>
  `${before}{${members.map(([left, { text }, right]) => left + text + right).join(',')}}${tail}`;

describe('a body without keep_alive', () => {
  it('has every other member, in its bytes and order, and is JSON', () => {
    fc.assert(
      fc.property(body, (pieces) => {
        const text = written(pieces);
        const stripped = stripKeepAlive(Buffer.from(text)).toString('utf8');
        const rest = pieces.members.filter(([, { drop }]) => !drop);
        const whole = stripped.slice(0, stripped.length - pieces.tail.length);
        expect(stripped.endsWith(pieces.tail)).toBe(true);
        const parsed = JSON.parse(whole) as object;
        expect(parsed).toEqual(JSON.parse(`{${rest.map(([, { text: each }]) => each).join(',')}}`));
        let at = 0;
        for (const [, { text: each }] of rest) {
          const found = whole.indexOf(each, at);
          expect(found).toBeGreaterThanOrEqual(at);
          at = found + each.length;
        }
      }),
    );
  });

  it('is the same object where there was none', () => {
    fc.assert(
      fc.property(body, (pieces) => {
        fc.pre(pieces.members.every(([, { drop }]) => !drop));
        const bytes = Buffer.from(written(pieces));
        expect(stripKeepAlive(bytes)).toBe(bytes);
      }),
    );
  });

  it('stays as it is when it is stripped once more', () => {
    fc.assert(
      fc.property(body, (pieces) => {
        const once = stripKeepAlive(Buffer.from(written(pieces)));
        expect(stripKeepAlive(once)).toBe(once);
      }),
    );
  });
});
