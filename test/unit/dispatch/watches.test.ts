import { describe, expect, it } from 'vitest';
import { PinWatch, pinsOf } from '../../../src/dispatch/pins.ts';
import { Suspects } from '../../../src/dispatch/suspects.ts';
import { LogBook } from '../../support/log-book.ts';
import { newPool, runnerOf, SIZE } from './pool.ts';

describe('pins', () => {
  it('are held, loaded, waiting, missing or out of reach', () => {
    const pool = newPool('a', 'b');
    const pins = pinsOf({ a: ['M', 'm:latest', 'n', 'o', 'p'], b: ['m'] });
    const watch = new PinWatch({ ...pool, log: new LogBook() }, pins);
    pool.look('a', ['m', 'n', 'o'], [['m', { expiresInMs: 80_000_000 }], ['n']]);
    expect(watch.views().map(({ backend, model, state }) => `${backend} ${model} ${state}`)).toEqual([
      'a m:latest held',
      'a n:latest loaded',
      'a o:latest waiting',
      'a p:latest missing',
      'b m:latest unreachable',
    ]);
  });

  it('on a model that is missing are warned of once, until it came and went or the pins were changed', () => {
    const pool = newPool('a', 'b');
    const log = new LogBook();
    const watch = new PinWatch({ ...pool, log }, pinsOf({ a: ['m'] }));
    const look = (...models: readonly string[]): number => {
      pool.look('a', models);
      watch.looked('a');
      return log.events('pin-missing').length;
    };
    watch.looked('a');
    expect(log.lines).toEqual([]);
    pool.look('b', ['m']);
    expect([look(), look(), look('m'), look()]).toEqual([1, 1, 1, 2]);
    watch.configure(pinsOf({ a: ['m'] }));
    expect(log.events('pin-missing')).toHaveLength(3);
    expect(log.lines[0]?.fields).toMatchObject({ backend: 'a', model: 'm:latest', has: ['b'] });
  });
});

describe('suspicions', () => {
  it('are logged when they begin and when they end, and can be read meanwhile', () => {
    const pool = newPool('a');
    const log = new LogBook();
    const suspects = new Suspects(log);
    const look = (vramBytes: number): void => {
      pool.look('a', ['m'], [['m', { vramBytes }]]);
      suspects.check(runnerOf(pool, 'a', 'm:latest').facts.host, pool.clock.now());
    };
    look(SIZE);
    expect(log.lines).toEqual([]);
    look(SIZE / 2);
    look(SIZE / 2);
    const suspect = { backend: 'a', model: 'm:latest', reason: 'spill' };
    expect(suspects.current).toEqual([suspect]);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { event: 'backend-suspect', ...suspect } }]);
    look(0);
    expect(log.lines.slice(1)).toMatchObject([
      { level: 'warn', fields: { event: 'backend-suspect', reason: 'gpu-lost' } },
    ]);
    look(SIZE);
    expect(suspects.current).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({
      level: 'info',
      fields: { event: 'backend-suspect-over', reason: 'gpu-lost' },
    });
  });

  it('of a backend that is no longer configured are forgotten', () => {
    const pool = newPool('a');
    const suspects = new Suspects(new LogBook());
    pool.look('a', ['m'], [['m', { vramBytes: SIZE / 2 }]]);
    suspects.check(runnerOf(pool, 'a', 'm:latest').facts.host, 0);
    suspects.keep(new Set());
    expect(suspects.current).toEqual([]);
  });
});
