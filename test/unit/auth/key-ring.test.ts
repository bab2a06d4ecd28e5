import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/auth/key-ring.ts';
import type { Moment } from '../../../src/auth/ledger.ts';
import type { KeyRule } from '../../../src/core/key-rule.ts';
import { digestHex, keyOf } from '../../support/keys.ts';

const NOW: Moment = { at: 5_000, wallMs: 20_000 * 86_400_000 };
const NO_LIMITS = {
  requestsPerMinute: undefined,
  concurrent: undefined,
  tokensPerMinute: undefined,
  tokensPerDay: undefined,
};

const rule = (name: string, more: Partial<KeyRule> = {}): KeyRule => ({
  name,
  hash: digestHex(keyOf(name)),
  tenant: name,
  class: undefined,
  models: undefined,
  routes: ['inference'],
  limits: NO_LIMITS,
  allowPin: false,
  notAfter: undefined,
  ...more,
});

const shown = (name: string) => ({ authorization: `Bearer ${keyOf(name)}` });
const need = (tokens: number) => ({ tokens, guessed: false });

describe('a ring of keys', () => {
  it('is open while it holds none', () => {
    const ring = new KeyRing();
    expect(ring.open).toBe(true);
    ring.apply([rule('a')]);
    expect(ring.open).toBe(false);
  });

  it('finds the key that a request shows, the first of several that is known', () => {
    const ring = new KeyRing();
    ring.apply([rule('a'), rule('b')]);
    expect(ring.visit(shown('b'), NOW).rule.name).toBe('b');
    expect(ring.visit({ ...shown('a'), 'x-api-key': keyOf('b') }, NOW).rule.name).toBe('a');
    expect(ring.visit({ ...shown('c'), 'x-api-key': keyOf('b') }, NOW).rule.name).toBe('b');
    expect(() => ring.visit(shown('c'), NOW)).toThrow('not known');
    expect(() => ring.visit({ authorization: `Bearer ${'x'.repeat(10_000)}` }, NOW)).toThrow('is needed');
  });

  it('tells keys apart whose hashes begin alike', () => {
    const hash = digestHex(keyOf('a'));
    const ring = new KeyRing();
    ring.apply([rule('near', { hash: hash.slice(0, 8) + '0'.repeat(56) }), rule('a')]);
    expect(ring.visit(shown('a'), NOW).rule.name).toBe('a');
    ring.apply([rule('near', { hash: hash.slice(0, 63) + (hash.endsWith('0') ? '1' : '0') })]);
    expect(() => ring.visit(shown('a'), NOW)).toThrow('not known');
  });

  it('keeps what a name has used over reloads, a new hash and new limits included', () => {
    const ring = new KeyRing();
    ring.apply([rule('a')]);
    for (let each = 0; each < 3; each++) {
      const visit = ring.visit(shown('a'), NOW);
      visit.enter(NOW);
      visit.start(need(10), NOW);
      if (each < 2) {
        visit.settle('served', 4, 6, NOW);
        visit.leave();
      }
    }
    ring.apply([rule('a', { hash: digestHex(keyOf('new')), limits: { ...NO_LIMITS, requestsPerMinute: 3 } })]);
    expect(() => ring.visit(shown('a'), NOW)).toThrow('not known');
    expect(() => ring.visit(shown('new'), NOW).enter(NOW)).toThrow('limit of 3 requests per minute');
    expect(ring.report(NOW)).toMatchObject([
      { usage: { running: 1, requestsInMinute: 3, tokensInMinute: 20, tokensToday: 20, tokensReserved: 10 } },
    ]);
    ring.apply([]);
    ring.apply([rule('a')]);
    expect(ring.report(NOW)).toMatchObject([{ usage: { running: 0, requestsInMinute: 0 } }]);
  });

  it('tells of keys without their hashes', () => {
    const ring = new KeyRing();
    ring.apply([rule('a', { models: ['m*'], notAfter: NOW.wallMs })]);
    expect(JSON.stringify([...ring.requests(), ring.report(NOW), ring.save(NOW)])).not.toContain(
      digestHex(keyOf('a')).slice(0, 8),
    );
    expect(ring.report(NOW)).toMatchObject([{ name: 'a', models: ['m*'], expired: true }]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no counts', { name: 'a' }],
    ['words for counts', { name: 'a', requests: [['1', 2]], tokens: [], day: 1, dayTokens: 1 }],
    ['less than nothing', { name: 'a', requests: [], tokens: [[0, -5]], day: 1, dayTokens: 1 }],
    ['no pairs', { name: 'a', requests: [[1]], tokens: [], day: 1, dayTokens: 1 }],
  ])('refuses saved usage with %s, and takes none of it', (_what, saved) => {
    const ring = new KeyRing();
    ring.apply([rule('a')]);
    expect(() => ring.restore(saved, 0, NOW)).toThrow(TypeError);
    expect(ring.report(NOW)[0]?.usage).toMatchObject({ requestsInMinute: 0, tokensInMinute: 0, tokensToday: 0 });
  });

  it('takes over the tokens of the same day, and of no other', () => {
    const today = Math.floor(NOW.wallMs / 86_400_000);
    for (const [day, tokens] of [
      [today, 7],
      [today - 1, 0],
      [today + 400, 0],
    ] as const) {
      const ring = new KeyRing();
      ring.apply([rule('a')]);
      ring.restore({ name: 'a', requests: [], tokens: [], day, dayTokens: 7 }, 0, NOW);
      expect(ring.report(NOW)[0]?.usage.tokensToday).toBe(tokens);
    }
  });

  it('is not thrown off by a wall clock that goes back over midnight or comes back from far ahead', () => {
    const ring = new KeyRing();
    ring.apply([rule('a')]);
    const use = (wallMs: number): number | undefined => {
      const visit = ring.visit(shown('a'), { at: NOW.at, wallMs });
      visit.settle('served', 1, 0, { at: NOW.at, wallMs });
      return ring.report({ at: NOW.at, wallMs })[0]?.usage.tokensToday;
    };
    expect([use(NOW.wallMs), use(NOW.wallMs - 1)]).toEqual([1, 2]);
    expect(use(NOW.wallMs + 400 * 86_400_000)).toBe(1);
    expect(use(NOW.wallMs)).toBe(1);
  });
});
