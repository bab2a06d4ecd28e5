import { describe, expect, it } from 'vitest';
import { promptCache, reusable } from '../../../../src/sim/model/reuse.ts';
import { chatModel, newBench, timingsOf } from '../support/bench.ts';
import { commonPrefixTokens, fitContext, totalTokens, type Segment } from '../../../../src/sim/model/prompt.ts';

const part = (text: string, tokens = 100): Segment => ({ text, tokens });
const [sys, one, two, answer] = [part('sys'), part('one'), part('two'), part('answer')];

describe('the common prefix', () => {
  it('counts whole pieces up to the first that differs', () => {
    expect(commonPrefixTokens([sys, one], [sys, one, two])).toBe(200);
    expect(commonPrefixTokens([sys, one], [sys, two, one])).toBe(100);
    expect(commonPrefixTokens([one, sys], [sys, one])).toBe(0);
  });

  it('counts the common head of the piece that differs, four characters a token', () => {
    const long = 'x'.repeat(400);
    expect(commonPrefixTokens([part(`${long}a`, 101)], [part(`${long}b`, 101)])).toBe(100);
  });
});

describe('fitting the context', () => {
  it('drops the oldest turns first and keeps system text and last message', () => {
    const system = { ...sys, pinned: true };
    expect(fitContext([system, one, two, answer], 300)).toEqual([system, two, answer]);
  });

  it('cuts the last message when nothing else is left to drop', () => {
    expect(totalTokens(fitContext([part('huge', 5000)], 300))).toBe(300);
  });
});

describe('reuse', () => {
  it('never covers the last token', () => {
    expect(reusable([sys, one], [sys, one], undefined)).toBe(199);
  });

  it('needs an exact continuation above the window of a sliding-window model', () => {
    expect(reusable([sys, one, two], [sys, one, answer], 250)).toBe(0);
    expect(reusable([sys, one, two], [sys, one, two, answer], 250)).toBe(300);
    expect(reusable([sys, one], [sys, two], 250)).toBe(100);
  });
});

const alternate = (policy: 'one-per-model' | 'one-per-slot' | 'many', slots: number): number[] => {
  const cache = promptCache(policy, slots, undefined);
  return [one, two, one, two].map((prompt) => {
    const { slot, cachedTokens } = cache.place([prompt]);
    cache.remember(slot, [prompt]);
    cache.free(slot);
    return cachedTokens;
  });
};

describe('what a runner remembers', () => {
  it('is one prompt for the whole model under one-per-model', () => {
    expect(alternate('one-per-model', 2)).toEqual([0, 0, 0, 0]);
  });

  it('is one prompt a slot under one-per-slot', () => {
    expect(alternate('one-per-slot', 1)).toEqual([0, 0, 0, 0]);
    expect(alternate('one-per-slot', 2)).toEqual([0, 0, 99, 99]);
  });

  it('is every prompt within the budget under many', () => {
    expect(alternate('many', 1)).toEqual([0, 0, 99, 99]);
  });

  it('gives up the least recently used prompt under many', () => {
    const cache = promptCache('many', 1, undefined);
    const keep = (text: string): void => {
      const { slot } = cache.place([part(text, 30_000)]);
      cache.remember(slot, [part(text, 30_000)]);
      cache.free(slot);
    };
    keep('first');
    keep('second');
    keep('third');
    expect(cache.place([part('first', 30_000)]).cachedTokens).toBe(0);
    cache.free(0);
    expect(cache.place([part('third', 30_000)]).cachedTokens).toBe(29_999);
  });

  it('shortens the next turn of a conversation to what is new', () => {
    const model = chatModel('a');
    const { clock, send, warm } = newBench();
    warm(model);
    send(model, { prompt: [sys, one], answer });
    clock.run(clock.now() + 5000);
    const next = send(model, { prompt: [sys, one, answer, two] });
    clock.run(clock.now() + 5000);
    expect(timingsOf(next)).toMatchObject({ promptTokens: 400, cachedTokens: 300, prefillMs: 100 });
  });

  it('dies with the runner', () => {
    const model = chatModel('a');
    const { clock, send, machine } = newBench();
    send(model, { prompt: [sys, one] });
    clock.run(clock.now() + 20_000);
    machine.unload(model);
    const again = send(model, { prompt: [sys, one] });
    clock.run(clock.now() + 20_000);
    expect(timingsOf(again).cachedTokens).toBe(0);
  });
});
