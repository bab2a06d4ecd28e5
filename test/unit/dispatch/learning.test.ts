import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { seededRng } from '../../../src/core/rng.ts';
import type { Outcome, Usage } from '../../../src/core/types.ts';
import { Learning } from '../../../src/dispatch/learning.ts';
import type { RequestRecord } from '../../../src/results/history.ts';
import { createStrategy } from '../../../src/routing/index.ts';
import { LogBook } from '../../support/log-book.ts';
import { recordOf } from '../../support/record.ts';

const scene = (shadow = false) => {
  const clock = new ManualClock(0);
  const log = new LogBook();
  const rng = seededRng(5);
  const learning = new Learning({ clock, wall: () => 0, rng, queue: () => ({ waiting: 0, hosts: 2 }), log }, shadow);
  return { clock, log, rng, learning, strategy: learning.strategy };
};

const USAGE: Usage = {
  promptTokens: 100,
  outputTokens: 50,
  cachedTokens: 0,
  loadMs: 10,
  prefillMs: 100,
  decodeMs: 1000,
};
const served: Outcome = { kind: 'served', status: 200, firstByteMs: 200, totalMs: 1300, usage: USAGE };

const answered = (over: Partial<RequestRecord> = {}): RequestRecord =>
  recordOf({
    endpoint: 'chat',
    arm: 'learned/hybrid',
    outcome: 'served',
    firstByteMs: 300,
    totalMs: 1400,
    usage: USAGE,
    attempts: [{ backend: 'a', model: 'm', why: '', outcome: served }],
    ...over,
  });

/** Records until so many epochs have ended. */
const live = ({ clock, learning, strategy }: ReturnType<typeof scene>, record: RequestRecord, epochs: number): void => {
  while (strategy.epochs < epochs) {
    learning.request(record);
    clock.advance(1000);
  }
};

describe('what the proxy tells the learned strategy', () => {
  it.each<readonly [string, RequestRecord]>([
    ['a request that another strategy chose for', recordOf()],
    ['a name that is no arm', answered({ arm: 'learned/guess' })],
    ['a batch of texts to embed', answered({ endpoint: 'embed' })],
    ['a client that left', answered({ outcome: 'client-left' })],
    ['a request that asked for what cannot be', answered({ outcome: 'client-error' })],
    ['a request that the queue refused', answered({ outcome: 'refused' })],
  ])('leaves out %s', (_, record) => {
    const { clock, learning, strategy } = scene();
    learning.request(record);
    clock.advance(1e6);
    learning.request(record);
    expect([strategy.epochs, strategy.report(clock.now()).epochMs]).toEqual([0, undefined]);
  });

  it('takes answers and failures', () => {
    for (const over of [{}, { outcome: 'failed' as const, firstByteMs: undefined, usage: undefined }]) {
      const it = scene();
      live(it, answered(over), 1);
      expect(it.strategy.epochs).toBe(1);
    }
  });

  it('says nothing of the arms while another strategy is in force', () => {
    const { learning, strategy } = scene();
    expect(learning.report(createStrategy('hybrid'))).toBeUndefined();
    expect(learning.shares(createStrategy('hybrid'))).toEqual([]);
    expect(learning.report(strategy)?.default).toBe('hybrid');
    expect(learning.shares(strategy)).toContainEqual({ arm: 'hybrid', share: 1 });
  });

  it('logs a line for each epoch in shadow, and details only for those who look closely', () => {
    const it = scene(true);
    live(it, answered(), 2);
    expect(it.log.events('learned-shadow').map(({ level, fields }) => [level, fields])).toEqual([
      ['info', expect.objectContaining({ epochs: 1, arms: expect.any(Array) })],
      ['info', expect.objectContaining({ epochs: 2 })],
    ]);
    it.learning.configure(false);
    live(it, answered(), 3);
    expect(it.log.events('learned-shadow')).toHaveLength(2);
    expect(it.log.events('learned-epoch').map(({ level }) => level)).toEqual(['debug']);
  });

  it('logs each switch with its reason, and goes back when breakers open one after the other', () => {
    const it = scene();
    const { clock, learning, strategy, log } = it;
    for (let i = 0; strategy.default === 'hybrid' && i < 200_000; i++) {
      const { name: arm } = strategy.forRequest({ category: '', model: '', affinityKey: `s${i % 500}` });
      learning.request(answered({ arm, firstByteMs: arm === 'learned/hybrid' ? 4000 : 300, totalMs: 9000 }));
      clock.advance(400);
    }
    const { default: found } = strategy;
    expect(found).not.toBe('hybrid');
    for (let i = 0; i < 3; i++) learning.breakerOpened();
    expect(log.events('learned-switched').map(({ level, fields }) => [level, fields])).toEqual([
      ['info', { event: 'learned-switched', from: 'hybrid', to: found, why: expect.stringContaining('above hybrid') }],
      ['info', { event: 'learned-switched', from: found, to: 'hybrid', why: 'many circuit breakers opened at once' }],
    ]);
  });
});
