import { describe, expect, it } from 'vitest';
import { installModel } from '../../../../src/sim/model/models.ts';
import { chatModel, newBench, roundProfile, timingsOf } from '../support/bench.ts';

const a = chatModel('a');
const b = chatModel('b');
const c = chatModel('c');
const embedder = { ...installModel('nomic-embed-text', 0), size: 5e9 };

describe('one request', () => {
  it('pays the load, then its prompt, then its tokens', () => {
    const { clock, send } = newBench();
    const seen = send(a);
    clock.run(60_000);
    expect(timingsOf(seen)).toEqual({
      loadMs: 6000,
      slotWaitMs: 0,
      promptTokens: 100,
      cachedTokens: 0,
      prefillMs: 100,
      outputTokens: 10,
      decodeMs: 100,
      totalMs: 6200,
    });
    expect(seen.firstTokenAt).toBe(6110);
  });

  it('pays no load on a loaded model', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    const seen = send(a);
    clock.run(clock.now() + 1000);
    expect(timingsOf(seen)).toMatchObject({ loadMs: 0, totalMs: 200 });
    expect(machine.counters.loads).toBe(1);
  });

  it('hears of each token when it asks for them', () => {
    const { clock, machine, warm } = newBench();
    warm(a);
    const start = clock.now();
    const times: number[] = [];
    machine.submit(
      { model: a, kind: 'completion', prompt: [{ text: 'x', tokens: 100 }], outputTokens: 3 },
      { token: () => times.push(clock.now() - start), end: () => undefined },
    );
    clock.run(clock.now() + 1000);
    expect(times).toEqual([110, 120, 130]);
  });
});

describe('slots', () => {
  it('serves one at a time and in order of arrival by default', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    const ends = [send(a), send(a), send(a)];
    clock.run(start + 5000);
    expect(ends.map((seen) => seen.endedAt - start)).toEqual([200, 400, 600]);
    expect(ends.map((seen) => timingsOf(seen).slotWaitMs)).toEqual([0, 200, 400]);
  });

  it('slows co-running requests by half for each further one', () => {
    const { clock, send, warm } = newBench({ slots: 2 });
    warm(a);
    const start = clock.now();
    const ends = [send(a), send(a)];
    clock.run(start + 5000);
    expect(ends.map((seen) => seen.endedAt - start)).toEqual([300, 300]);
  });

  it('shares the slowdown between models on the same machine', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    warm(b);
    const start = clock.now();
    const long = send(a, { outputTokens: 20 });
    const short = send(b);
    clock.run(start + 5000);
    expect(short.endedAt - start).toBe(300);
    expect(long.endedAt - start).toBe(400);
  });

  it('gives an embedder one slot whatever is configured', () => {
    const { clock, send, warm, machine } = newBench({ slots: 4 });
    warm(embedder);
    for (let index = 0; index < 3; index += 1) send(embedder, { kind: 'embedding', outputTokens: 0 });
    clock.run(clock.now() + 50);
    expect(machine.runners()[0]).toMatchObject({ slots: 1, running: 1, waiting: 2 });
  });
});

describe('loads', () => {
  it('loads one model at a time, in order of arrival', () => {
    const { clock, send } = newBench();
    const first = send(a);
    const second = send(b);
    clock.run(60_000);
    expect(timingsOf(first).loadMs).toBe(6000);
    expect(timingsOf(second).loadMs).toBe(12_000);
  });

  it('lets requests for a loaded model pass a load in progress', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    send(b);
    clock.run(start + 10);
    const passing = send(a);
    clock.run(start + 1000);
    expect(passing.endedAt - start).toBe(210);
  });

  it('refuses what does not fit in the queue for loads, and only that', () => {
    const { clock, send, warm } = newBench({ maxQueue: 2 });
    warm(b);
    const cold = Array.from({ length: 10 }, () => send(a));
    const warmOnes = Array.from({ length: 10 }, () => send(b));
    clock.run(clock.now() + 60_000);
    expect(cold.map((seen) => seen.end?.kind)).toEqual([...Array(3).fill('done'), ...Array(7).fill('busy')]);
    expect(warmOnes.every((seen) => seen.end?.kind === 'done')).toBe(true);
  });

  it('reloads when the asked context differs, and not when it is the same number', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    send(a, { options: { numCtx: 4096 } });
    clock.run(clock.now() + 20_000);
    expect(machine.counters.reloads).toBe(0);
    send(a, { options: { numCtx: 2048 } });
    clock.run(clock.now() + 20_000);
    send(a);
    clock.run(clock.now() + 20_000);
    expect(machine.counters).toMatchObject({ reloads: 2, loads: 3 });
  });

  it('clamps an asked context to what the model was trained for', () => {
    const { warm, machine } = newBench();
    warm(chatModel('short', { contextLength: 8192 }), { options: { numCtx: 99_999_999 } });
    expect(machine.runners()[0]?.contextLength).toBe(8192);
  });

  it('waits for running requests before a reload', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    send(a, { outputTokens: 100 });
    const other = send(a, { options: { numBatch: 64 } });
    clock.run(start + 60_000);
    expect(timingsOf(other).loadMs).toBe(1100 + 6000);
  });

  it('shares one runner between names of the same weights', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    send({ ...a, name: 'alias' });
    clock.run(clock.now() + 1000);
    expect(machine.counters.loads).toBe(1);
    expect(machine.runners().map((runner) => runner.model.name)).toEqual(['a']);
  });

  it('runs a model that exceeds the memory more slowly instead of not at all', () => {
    const { clock, send, warm, machine } = newBench({ profile: { ...roundProfile, memoryBytes: 4e9 } });
    warm(a);
    const seen = send(a);
    clock.run(clock.now() + 5000);
    expect(timingsOf(seen).totalMs).toBe(800);
    expect(machine.memoryUsed).toBe(4e9);
  });
});

describe('eviction', () => {
  it('takes an idle model before a busy one', () => {
    const { clock, send, warm, machine } = newBench({ maxLoadedModels: 2 });
    warm(a);
    warm(b);
    send(a, { outputTokens: 1000 });
    const seen = send(c);
    clock.run(clock.now() + 7000);
    expect(timingsOf(seen).loadMs).toBe(6000);
    expect(
      machine
        .runners()
        .map((runner) => runner.model.name)
        .sort(),
    ).toEqual(['a', 'c']);
  });

  it('takes the shortest keep-alive among idle ones', () => {
    const { clock, send, warm, machine } = newBench({ maxLoadedModels: 2 });
    warm(a, { keepAliveMs: 600_000 });
    warm(b, { keepAliveMs: 200_000 });
    send(c);
    clock.run(clock.now() + 7000);
    expect(
      machine
        .runners()
        .map((runner) => runner.model.name)
        .sort(),
    ).toEqual(['a', 'c']);
    expect(machine.counters.evictions).toBe(1);
  });

  it('takes names in order among equal keep-alives', () => {
    const { clock, send, warm, machine } = newBench({ maxLoadedModels: 2 });
    warm(b);
    warm(a);
    send(c);
    clock.run(clock.now() + 7000);
    expect(
      machine
        .runners()
        .map((runner) => runner.model.name)
        .sort(),
    ).toEqual(['b', 'c']);
  });

  it('drains a busy model when no other is idle, and holds up every later load meanwhile', () => {
    const { clock, send, warm } = newBench({ maxLoadedModels: 1 });
    warm(a);
    send(a, { outputTokens: 100 });
    const next = send(b);
    const last = send(c);
    clock.run(clock.now() + 60_000);
    expect(timingsOf(next).loadMs).toBe(1100 + 6000);
    expect(timingsOf(last).loadMs).toBe(1100 + 6000 + 200 + 6000);
  });

  it('makes room by memory too', () => {
    const { warm, machine } = newBench({ profile: { ...roundProfile, memoryBytes: 13e9 }, maxLoadedModels: 10 });
    warm(a);
    warm(b);
    warm(c);
    expect(machine.runners()).toHaveLength(2);
  });

  it('blocks for good when a late keep-alive re-arms the model that was to go, and an unload frees it', () => {
    const { clock, send, warm, machine } = newBench({ maxLoadedModels: 1 });
    warm(a);
    send(a, { outputTokens: 100 });
    const stuck = send(b);
    clock.run(clock.now() + 10);
    send(a, { kind: 'load', prompt: [], outputTokens: 0, keepAliveMs: Number.POSITIVE_INFINITY });
    clock.run(clock.now() + 3_600_000);
    expect(stuck.end).toBeUndefined();
    machine.unload(a);
    clock.run(clock.now() + 10_000);
    expect(stuck.end?.kind).toBe('done');
  });
});

describe('keep-alive', () => {
  it('counts five minutes from the end of the last request', () => {
    const { clock, send, machine } = newBench();
    send(a);
    clock.run(6200 + 300_000 - 1);
    expect(machine.runners()).toHaveLength(1);
    clock.run(6200 + 300_000);
    expect(machine.runners()).toHaveLength(0);
  });

  it('keeps the last value given', () => {
    const { clock, send, machine } = newBench();
    send(a, { keepAliveMs: 1000 });
    clock.run(10_000);
    expect(machine.runners()).toHaveLength(0);
    send(a, { keepAliveMs: Number.POSITIVE_INFINITY });
    clock.run(20_000);
    send(a);
    clock.run(1e9);
    expect(machine.runners()).toHaveLength(1);
  });

  it('unloads at once with 0, after what runs', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    send(a, { keepAliveMs: 0 });
    clock.run(clock.now() + 150);
    expect(machine.runners()).toHaveLength(1);
    clock.run(clock.now() + 100);
    expect(machine.runners()).toHaveLength(0);
  });
});

describe('leaving', () => {
  it('never runs a request that left while it waited for a slot', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    send(a);
    const leaver = send(a);
    const last = send(a);
    clock.run(start + 50);
    leaver.ticket.cancel();
    clock.run(start + 5000);
    expect(leaver.end).toEqual({ kind: 'canceled', phase: 'waiting' });
    expect(last.endedAt - start).toBe(400);
  });

  it('aborts the load of the request that triggered it, and the next one starts over', () => {
    const { clock, send, machine } = newBench();
    const trigger = send(a);
    const next = send(a);
    clock.run(3000);
    trigger.ticket.cancel();
    clock.run(60_000);
    expect(trigger.end).toEqual({ kind: 'canceled', phase: 'loading' });
    expect(timingsOf(next).loadMs).toBe(9000);
    expect(machine.counters).toMatchObject({ loads: 2, loadsAborted: 1 });
  });

  it('burns the whole prompt of a request that left while it was read', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    const leaver = send(a, { prompt: [{ text: 'long', tokens: 1000 }] });
    const next = send(a);
    clock.run(start + 10);
    leaver.ticket.cancel();
    clock.run(start + 5000);
    expect(timingsOf(next).slotWaitMs).toBe(1000);
  });

  it('frees the slot with the next token when a request leaves while writing', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const start = clock.now();
    const leaver = send(a, { outputTokens: 1000 });
    const next = send(a);
    clock.run(start + 153);
    leaver.ticket.cancel();
    clock.run(start + 5000);
    expect(timingsOf(next).slotWaitMs).toBe(160);
  });

  it('keeps the place of a request that left the queue for loads until its turn', () => {
    const { clock, send } = newBench({ maxQueue: 1 });
    send(a);
    const leaver = send(b);
    clock.run(1);
    leaver.ticket.cancel();
    const late = send(c);
    clock.run(2);
    expect(late.end?.kind).toBe('busy');
  });

  it('hears nothing twice', () => {
    const { clock, send, warm } = newBench();
    warm(a);
    const seen = send(a);
    clock.run(clock.now() + 1000);
    seen.ticket.cancel();
    seen.ticket.cancel();
    expect(seen.ends).toBe(1);
  });
});

describe('a machine that stops', () => {
  it('tells everybody and forgets everything', () => {
    const { clock, send, warm, machine } = newBench();
    warm(a);
    const all = [send(a), send(a), send(b), send(c)];
    clock.run(clock.now() + 50);
    machine.stop();
    expect(all.map((seen) => seen.end)).toEqual(all.map(() => ({ kind: 'stopped' })));
    expect(machine.runners()).toEqual([]);
    clock.run(clock.now() + 1e6);
    expect(all.map((seen) => seen.ends)).toEqual([1, 1, 1, 1]);
    expect(machine.busy).toBe(0);
  });
});
