import { describe, expect, it } from 'vitest';
import type { SimEnd } from '../../../../src/sim/model/job.ts';
import { chatModel, newBench, roundProfile, timingsOf } from '../support/bench.ts';

const a = chatModel('a');
const b = chatModel('b');
const c = chatModel('c');

const overOf = () => {
  let over = 0;
  return { count: () => over, tell: () => (over += 1) };
};

describe('a machine that stops loading', () => {
  it('does so when the model that is to go gets a late keep_alive, and goes on with what is in memory', () => {
    const { clock, send, warm } = newBench({ maxLoadedModels: 2 });
    warm(a);
    warm(b);
    send(a, { outputTokens: 100 });
    send(b, { outputTokens: 100 });
    const stuck = send(c);
    clock.run(clock.now() + 10);
    send(a, { kind: 'load', prompt: [], outputTokens: 0, keepAliveMs: Number.POSITIVE_INFINITY });
    clock.run(clock.now() + 20_000);
    const later = send(chatModel('d'));
    const warmOne = send(a);
    clock.run(clock.now() + 100_000);
    expect([stuck.end, later.end, warmOne.end?.kind]).toEqual([undefined, undefined, 'done']);
  });

  it('takes no harm from a late request without a keep_alive', () => {
    const { clock, send, warm } = newBench({ maxLoadedModels: 1 });
    warm(a);
    send(a, { outputTokens: 100 });
    const cold = send(b);
    clock.run(clock.now() + 10);
    send(a);
    clock.run(clock.now() + 20_000);
    expect(cold.end?.kind).toBe('done');
  });

  it('can be made to, and is freed by an unload', () => {
    const { clock, send, warm, machine } = newBench();
    const over = overOf();
    warm(a);
    machine.fall({ kind: 'wedged' }, over.tell);
    const stuck = send(b);
    const warmOne = send(a);
    clock.run(clock.now() + 100_000);
    expect([stuck.end, warmOne.end?.kind, over.count()]).toEqual([undefined, 'done', 0]);
    machine.unload(a);
    clock.run(clock.now() + 10_000);
    expect([stuck.end?.kind, over.count()]).toEqual(['done', 1]);
  });

  it('is freed by whoever made it so', () => {
    const { clock, send, machine } = newBench();
    const cure = machine.fall({ kind: 'wedged' });
    const stuck = send(b);
    clock.run(clock.now() + 100_000);
    expect(stuck.end).toBeUndefined();
    cure();
    cure();
    clock.run(clock.now() + 10_000);
    expect(stuck.end?.kind).toBe('done');
  });

  it('is not one that unloads a busy model while nobody waits', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    send(a, { outputTokens: 1000 });
    clock.run(clock.now() + 10);
    machine.unload(a);
    const cold = send(b);
    clock.run(clock.now() + 7000);
    expect(cold.end?.kind).toBe('done');
  });
});

describe('a machine that lost its GPU', () => {
  it('reads and writes so many times slower from that moment on, and shows what it loads then without video memory', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    const under = send(a);
    clock.run(clock.now() + 150);
    const cure = machine.fall({ kind: 'gpu-lost', factor: 10 });
    clock.run(clock.now() + 1000);
    expect(timingsOf(under)).toMatchObject({ prefillMs: 100, decodeMs: 50 + 50 * 10 });
    warm(b);
    expect(machine.runners().map(({ model, gpuBytes }) => [model.name, gpuBytes > 0])).toEqual([
      ['b', false],
      ['a', true],
    ]);
    cure();
    const after = send(a);
    clock.run(clock.now() + 1000);
    expect(timingsOf(after).totalMs).toBe(200);
  });
});

describe('a runner that hangs', () => {
  it('holds its requests until its model is unloaded, beside others that go on', () => {
    const { clock, send, warm, machine } = newBench();
    const over = overOf();
    warm(a);
    warm(b);
    const running = send(a);
    clock.run(clock.now() + 50);
    machine.fall({ kind: 'hung-runner', model: 'a' }, over.tell);
    const waiting = send(a);
    const other = send(b);
    clock.run(clock.now() + 100_000);
    expect([running.end, waiting.end, other.end?.kind]).toEqual([undefined, undefined, 'done']);
    machine.unload(a);
    clock.run(clock.now() + 1000);
    expect(machine.runners()).toHaveLength(2);
    running.ticket.cancel();
    waiting.ticket.cancel();
    clock.run(clock.now() + 1000);
    expect([machine.runners().length, over.count(), machine.busy]).toEqual([1, 1, 0]);
    const again = send(a);
    clock.run(clock.now() + 10_000);
    expect(again.end?.kind).toBe('done');
  });

  it('goes on where it was when it is woken', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    const start = clock.now();
    const seen = send(a);
    clock.run(start + 150);
    const cure = machine.fall({ kind: 'hung-runner', model: 'a' });
    clock.run(start + 10_150);
    cure();
    clock.run(start + 20_000);
    expect(seen.endedAt - start).toBe(10_200);
  });

  it('that is not in memory hangs as soon as it is', () => {
    const { clock, send, machine } = newBench();
    machine.fall({ kind: 'hung-runner', model: 'a' });
    const seen = send(a);
    clock.run(clock.now() + 100_000);
    expect([seen.end, machine.runners()[0]?.loading]).toEqual([undefined, false]);
  });
});

describe('a runner that dies', () => {
  const died = (waiting: boolean): SimEnd => ({ kind: 'died', waiting });

  it('fails who is there within 80 ms, and the next request loads the model anew', () => {
    const { clock, send, warm, machine } = newBench();
    const over = overOf();
    warm(a);
    const start = clock.now();
    const ends = [send(a), send(a)];
    clock.run(start + 50);
    machine.fall({ kind: 'dead-runner', model: 'a' }, over.tell);
    clock.run(start + 130);
    expect(ends.map(({ end }) => end)).toEqual([died(false), died(true)]);
    expect([machine.runners(), machine.busy, over.count()]).toEqual([[], 0, 1]);
    expect(machine.counters).toMatchObject({ died: 2, done: 1, submitted: 3 });
    const next = send(a);
    clock.run(clock.now() + 10_000);
    expect(timingsOf(next).loadMs).toBe(6000);
  });

  it('stays listed while it is idle, fails the next request, and is loaded by the one after that', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    machine.fall({ kind: 'dead-runner', model: 'a' });
    clock.run(clock.now() + 10_000);
    expect(machine.runners()).toHaveLength(1);
    const first = send(a);
    clock.run(clock.now() + 1000);
    expect([first.end, machine.runners()]).toEqual([died(true), []]);
    const second = send(a);
    clock.run(clock.now() + 10_000);
    expect(second.end?.kind).toBe('done');
  });

  it('is over at once where there is none', () => {
    const { machine } = newBench();
    const over = overOf();
    machine.fall({ kind: 'dead-runner', model: 'a' }, over.tell);
    expect(over.count()).toBe(1);
  });
});

describe('memory that an unknown process holds', () => {
  const need = 5e9 * 1.1;

  it('makes models spill that fitted, and evict each other that fitted together', () => {
    const { warm, machine } = newBench({ profile: { ...roundProfile, memoryBytes: 20e9 } });
    const cure = machine.fall({ kind: 'orphan-memory', bytes: 12e9 });
    warm(a);
    warm(b);
    expect(machine.runners().map(({ model }) => model.name)).toEqual(['b']);
    machine.unload(b);
    machine.fall({ kind: 'orphan-memory', bytes: 17e9 });
    warm(a);
    const [runner] = machine.runners();
    expect(runner).toMatchObject({ memory: 3e9, gpuBytes: 3e9 });
    expect(runner?.sizeBytes).toBeGreaterThan(need);
    cure();
    warm(b);
    expect(machine.runners()).toHaveLength(2);
  });
});
