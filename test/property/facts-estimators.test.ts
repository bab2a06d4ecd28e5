import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DecayedMean } from '../../src/facts/decayed.ts';
import { HostSlots } from '../../src/facts/slots.ts';
import { PoolSpeeds } from '../../src/facts/speeds.ts';

const gap = fc.double({ min: 0, max: 3_600_000, noNaN: true });

it('a decayed mean stays within its samples, and its shrunk value between mean and prior', () => {
  const samples = fc.array(
    fc.record({
      sample: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      weight: fc.double({ min: 0.001, max: 10, noNaN: true }),
      gap,
    }),
    { minLength: 1, maxLength: 50 },
  );
  const prior = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(samples, fc.double({ min: 1, max: 40, noNaN: true }), prior, (list, cap, prior) => {
      const mean = new DecayedMean(600_000, cap);
      let at = 0;
      for (const { sample, weight, gap } of list) mean.add(sample, (at += gap), weight);
      const all = list.map(({ sample }) => sample);
      const slack = 1e-6;
      expect(mean.value).toBeGreaterThanOrEqual(Math.min(...all) - slack);
      expect(mean.value).toBeLessThanOrEqual(Math.max(...all) + slack);
      const shrunk = mean.shrunk(prior, 3, at + 1000);
      expect(shrunk).toBeGreaterThanOrEqual(Math.min(mean.value, prior) - slack);
      expect(shrunk).toBeLessThanOrEqual(Math.max(mean.value, prior) + slack);
    }),
  );
});

it('what a runner reads stays positive and finite, whatever is recorded', () => {
  const number = fc.oneof(fc.double({ max: 1e12 }), fc.constant(Infinity), fc.integer({ min: 0, max: 100_000 }));
  const step = fc.record({
    kind: fc.constantFrom('prefilled', 'decoded', 'loaded', 'observed', 'vram'),
    a: number,
    b: number,
    company: fc.oneof(fc.double({ min: 1, max: 20, noNaN: true }), fc.constant(1)),
    gap,
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.double({ min: 0, max: 1e12, noNaN: true }), (steps, size) => {
      const host = new PoolSpeeds().host();
      const runner = host.runner(size);
      let at = 0;
      for (const { kind, a, b, company, gap } of steps) {
        at += gap;
        if (kind === 'prefilled') runner.prefilled(a, b, company, at);
        else if (kind === 'decoded') runner.decoded(a, b, company, at);
        else if (kind === 'loaded') runner.loaded(a, at);
        else if (kind === 'observed') runner.observed(a, b, at);
        else runner.vramShare(Math.abs(a % 1) || 0, at);
        for (const value of [runner.prefillMs(at), runner.decodeMs(at), runner.loadMs(at)]) {
          expect(Number.isFinite(value)).toBe(true);
          expect(value).toBeGreaterThan(0);
        }
        expect(runner.slowFirst(at)).toBeGreaterThanOrEqual(0.1 - 1e-9);
        expect(runner.slowFirst(at)).toBeLessThanOrEqual(20);
        expect(host.slope(at)).toBeGreaterThanOrEqual(0);
        expect(host.slope(at)).toBeLessThanOrEqual(1);
      }
      const saved = host.snapshot(new Map([['m', runner]]), at);
      const restored = host.restore(JSON.parse(JSON.stringify(saved)), at);
      expect((restored.get('m')?.prefillMs(at) ?? 0) / runner.prefillMs(at)).toBeCloseTo(1, 6);
    }),
  );
});

it('finds the slots of a server by honest evidence, never sends more than one too many, and follows a restart', () => {
  const slots = fc.integer({ min: 1, max: 16 });
  fc.assert(
    fc.property(
      slots,
      slots,
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 }),
      (first, second, bursts) => {
        const host = new HostSlots('auto');
        const runner = host.runner();
        let at = 0;
        /** Sends up to `wanted` at once, as far as is allowed, to a server with so many slots. */
        const burst = (wanted: number, truth: number): void => {
          at += 1000;
          const sent = Math.min(wanted, runner.limit(at) + (runner.mayProbe(at) ? 1 : 0));
          runner.overlapped(Math.min(sent, truth), at);
          if (sent > truth) runner.blocked(truth, at);
        };
        for (const wanted of bursts) {
          burst(wanted, first);
          expect(runner.limit(at)).toBeLessThanOrEqual(first);
        }
        for (let i = 0; i < 40; i++) burst(64, first);
        expect(runner.limit(at)).toBe(first);
        expect(runner.mayProbe(at)).toBe(false);
        for (let i = 0; i < 3; i++) burst(64, second);
        at += 7_200_000;
        for (let i = 0; i < 40; i++) burst(64, second);
        expect(runner.limit(at)).toBe(second);
      },
    ),
  );
});
