import { describe, expect, it } from 'vitest';
import { FaultSet } from '../../../../src/sim/http/faults.ts';

const chat = { path: '/api/chat', model: 'llama3.2', inference: true };
const ps = { path: '/api/ps', model: '', inference: false };
const faultSet = () => new FaultSet(1, () => undefined);

describe('switched-on faults', () => {
  it('hit as many requests as they were told to, then end by themselves', () => {
    const faults = faultSet();
    const handle = faults.set({ kind: 'reset', count: 2 });
    expect([1, 2, 3].map(() => faults.take(chat)?.kind)).toEqual(['reset', 'reset', undefined]);
    expect(handle.hits()).toBe(2);
    expect(faults.list()).toEqual([]);
  });

  it('hit only the path and the model that they name', () => {
    const faults = faultSet();
    faults.set({ kind: 'hang', path: '/api/chat', model: 'Llama3.2:latest' });
    expect(faults.take(chat)?.kind).toBe('hang');
    expect(faults.take({ ...chat, model: 'other' })).toBeUndefined();
    expect(faults.take({ ...chat, path: '/api/generate' })).toBeUndefined();
  });

  it('spare the probes when they are about inference only', () => {
    const faults = faultSet();
    faults.set({ kind: 'hang', inferenceOnly: true });
    expect(faults.take(ps)).toBeUndefined();
    expect(faults.take(chat)?.kind).toBe('hang');
  });

  it('spare the probes when they strike an answer in progress and name no path', () => {
    const faults = faultSet();
    faults.set({ kind: 'cut', afterLines: 1, count: 1 });
    expect(faults.take(ps)).toBeUndefined();
    expect(faults.take(chat)?.kind).toBe('cut');
  });

  it('hit the asked share of requests, the same ones for the same seed', () => {
    const draw = (): boolean[] => {
      const faults = faultSet();
      faults.set({ kind: 'reset', probability: 0.3 });
      return Array.from({ length: 1000 }, () => faults.take(chat) !== undefined);
    };
    const hits = draw().filter(Boolean).length;
    expect(hits).toBeGreaterThan(250);
    expect(hits).toBeLessThan(350);
    expect(draw()).toEqual(draw());
  });

  it('are tried in the order in which they were set, one for a request', () => {
    const faults = faultSet();
    faults.set({ kind: 'status', status: 500, count: 1 });
    faults.set({ kind: 'status', status: 503, count: 1 });
    expect([faults.take(chat), faults.take(chat)]).toMatchObject([{ status: 500 }, { status: 503 }]);
  });

  it('leave one by one or all together, and say so', () => {
    let changes = 0;
    const faults = new FaultSet(1, () => (changes += 1));
    const first = faults.set({ kind: 'refuse' });
    faults.set({ kind: 'hang' });
    expect(faults.refusing).toBe(true);
    first.clear();
    first.clear();
    expect([faults.refusing, changes]).toEqual([false, 3]);
    faults.clear();
    expect([faults.list(), changes]).toEqual([[], 4]);
  });

  it('refuse connections one by one when they are counted', () => {
    const faults = faultSet();
    faults.set({ kind: 'refuse', count: 1 });
    expect([faults.refusing, faults.takeConnection(), faults.takeConnection()]).toEqual([false, true, false]);
  });

  it.each([
    [{ kind: 'reset', probability: 2 }, /probability/],
    [{ kind: 'reset', count: 0 }, /count/],
    [{ kind: 'status', status: 200 }, /status/],
    [{ kind: 'slow', factor: 0 }, /factor/],
    [{ kind: 'cut', afterLines: -1 }, /afterLines/],
  ] as const)('are refused when they make no sense: %j', (fault, message) => {
    expect(() => faultSet().set(fault)).toThrow(message);
  });
});
