import { describe, expect, it } from 'vitest';
import { SavedFactsError } from '../../../src/facts/saved.ts';
import { HostSlots, type LearnedSlots } from '../../../src/facts/slots.ts';

const MINUTE = 60_000;

const proved = (host: HostSlots, running: number, at = 0): LearnedSlots => {
  const runner = host.runner();
  runner.overlapped(running, at);
  return runner;
};

describe('slots that are configured', () => {
  it('are taken as they are: no probing, no doubt', () => {
    const runner = new HostSlots(4).runner();
    expect(runner.limit(0)).toBe(4);
    expect(runner.mayProbe(0)).toBe(false);
    runner.blocked(1, 0);
    runner.blocked(1, 0);
    runner.overlapped(9, 0);
    expect(runner.limit(0)).toBe(4);
  });

  it('give way to what was learned once they are to be learned, and the other way round', () => {
    const host = new HostSlots(4);
    const runner = proved(host, 6);
    host.configure('auto');
    expect(runner.limit(0)).toBe(6);
    host.configure(2);
    expect(runner.limit(0)).toBe(2);
  });
});

describe('learning that there are more', () => {
  it('starts at one and may probe', () => {
    const runner = new HostSlots('auto').runner();
    expect(runner.limit(0)).toBe(1);
    expect(runner.mayProbe(0)).toBe(true);
    expect(runner.estimate(0)).toEqual({ value: 1, samples: 0, ageMs: undefined });
  });

  it('believes an overlap, for all models of the host', () => {
    const host = new HostSlots('auto');
    const other = host.runner();
    const runner = proved(host, 3, 10);
    expect(runner.limit(10)).toBe(3);
    expect(runner.mayProbe(10)).toBe(true);
    expect(other.limit(10)).toBe(3);
    expect(host.runner().limit(10)).toBe(3);
    expect(runner.estimate(15)).toEqual({ value: 3, samples: expect.closeTo(1), ageMs: 5 });
  });

  it('learns nothing from one request at a time', () => {
    const runner = proved(new HostSlots('auto'), 1);
    expect(runner.estimate(0).samples).toBe(0);
  });

  it('never goes beyond 64', () => {
    const runner = proved(new HostSlots('auto'), 1000);
    expect(runner.limit(0)).toBe(64);
    expect(runner.mayProbe(0)).toBe(false);
  });
});

describe('learning that there are no more', () => {
  it('stops probing after one wait, and tries again after 10 minutes, 20, and so on up to 2 hours', () => {
    const runner = new HostSlots('auto').runner();
    let at = 0;
    runner.blocked(1, at);
    for (const minutes of [10, 20, 40, 80, 120, 120]) {
      expect(runner.mayProbe(at + minutes * MINUTE - 1)).toBe(false);
      at += minutes * MINUTE;
      expect(runner.mayProbe(at)).toBe(true);
      runner.blocked(1, at);
    }
    expect(runner.limit(at)).toBe(1);
  });

  it('does not wait longer for the next try because several requests waited at once', () => {
    const runner = new HostSlots('auto').runner();
    for (let i = 0; i < 5; i++) runner.blocked(1, i);
    expect(runner.mayProbe(10 * MINUTE + 5)).toBe(true);
  });

  it('takes up probing at once when an overlap shows that there is more after all', () => {
    const runner = new HostSlots('auto').runner();
    runner.blocked(1, 0);
    runner.overlapped(2, 10 * MINUTE);
    expect(runner.limit(10 * MINUTE)).toBe(2);
    expect(runner.mayProbe(10 * MINUTE)).toBe(true);
  });

  it('lowers a proven limit only by two waits in a row, and does not probe between them', () => {
    const runner = proved(new HostSlots('auto'), 4);
    runner.blocked(2, 1);
    expect(runner.limit(1)).toBe(4);
    expect(runner.mayProbe(1)).toBe(false);
    runner.blocked(2, 2);
    expect(runner.limit(2)).toBe(2);
    expect(runner.mayProbe(2)).toBe(false);
    expect(runner.mayProbe(2 + 10 * MINUTE)).toBe(true);
  });

  it('forgives a wait when more overlap in between', () => {
    const runner = proved(new HostSlots('auto'), 4);
    runner.blocked(2, 1);
    runner.overlapped(3, 2);
    runner.blocked(2, 3);
    expect(runner.limit(3)).toBe(4);
  });

  it('lowers to the most that both waits leave possible', () => {
    const runner = proved(new HostSlots('auto'), 4);
    runner.blocked(3, 1);
    runner.blocked(1, 2);
    expect(runner.limit(2)).toBe(3);
  });

  it('keeps a wait of one model from the others: embedders have one slot on every server', () => {
    const host = new HostSlots('auto');
    const chat = proved(host, 4);
    const embedder = host.runner();
    embedder.blocked(1, 1);
    embedder.blocked(1, 2);
    expect(embedder.limit(2)).toBe(1);
    expect(chat.limit(2)).toBe(4);
    expect(host.runner().limit(2)).toBe(4);
    chat.overlapped(5, 3);
    expect(embedder.limit(3)).toBe(1);
  });

  it('takes new models for smaller too once the model that proved more no longer gets it', () => {
    const host = new HostSlots('auto');
    const runner = proved(host, 4);
    runner.blocked(1, 1);
    runner.blocked(1, 2);
    expect(host.runner().limit(2)).toBe(1);
  });

  it('does not raise a known end by a wait behind more than that', () => {
    const host = new HostSlots('auto');
    const runner = proved(host, 4);
    const other = host.runner();
    other.blocked(2, 0);
    other.blocked(2, 0);
    other.blocked(3, 1);
    expect(other.limit(1)).toBe(2);
    expect(runner.limit(1)).toBe(4);
  });
});

describe('saving slots', () => {
  it('brings limits and the time of the next probe back on another clock', () => {
    const host = new HostSlots('auto');
    const chat = proved(host, 4);
    const embedder = host.runner();
    for (const at of [0, 0, 10 * MINUTE]) embedder.blocked(1, at);
    const saved: unknown = JSON.parse(
      JSON.stringify(
        host.snapshot(
          new Map([
            ['chat', chat],
            ['embed', embedder],
          ]),
          15 * MINUTE,
        ),
      ),
    );
    const host2 = new HostSlots('auto');
    const runners = host2.restore(saved, 5);
    expect(runners.get('chat')?.limit(5)).toBe(4);
    expect(runners.get('chat')?.mayProbe(5)).toBe(true);
    expect(host2.runner().limit(5)).toBe(4);
    const again = runners.get('embed');
    expect(again?.limit(5)).toBe(1);
    expect(again?.mayProbe(5 + 15 * MINUTE - 1)).toBe(false);
    expect(again?.mayProbe(5 + 15 * MINUTE)).toBe(true);
  });

  it('refuses what is no snapshot and changes nothing then', () => {
    const host = new HostSlots('auto');
    const bad = { version: 1, proven: 8, runners: [{ model: 'm', proven: 0 }] };
    expect(() => host.restore(bad, 0)).toThrow(SavedFactsError);
    expect(() => host.restore(bad, 0)).toThrow('slots.runners[0].proven must be a whole number from 1 to 64, found 0');
    expect(host.proven).toBe(1);
  });
});
