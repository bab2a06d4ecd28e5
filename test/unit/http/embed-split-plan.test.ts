import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Runner } from '../../../src/backends/backend.ts';
import { partBody, readBatch, sameModel, sharesOf, worthAsking } from '../../../src/http/embed-split-plan.ts';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { backendConfig, newPool, upWith } from '../../support/backend-pool.ts';

const batchOf = (text: string, atLeast = 2) => readBatch('/api/embed', Buffer.from(text), atLeast);

describe('a batch', () => {
  it('is found in the two routes that take several texts, when it is large enough', () => {
    const body = Buffer.from('{"model":"m","input":["a","b"]}');
    expect(readBatch('/api/embed', body, 2)?.items).toHaveLength(2);
    expect(readBatch('/v1/embeddings', body, 2)?.items).toHaveLength(2);
    expect(readBatch('/api/embed', body, 3)).toBeUndefined();
    expect(readBatch('/api/embeddings', body, 2)).toBeUndefined();
  });

  it.each([
    ['a single text', '{"input":"abc"}'],
    ['tokens', '{"input":[1,2,3]}'],
    ['lists of tokens', '{"input":[[1],[2],[3]]}'],
    ['something else among the texts', '{"input":["a",null,"b"]}'],
    ['nothing', '{"prompt":["a","b"]}'],
  ])('is not made of %s', (_what, body) => {
    expect(batchOf(body)).toBeUndefined();
  });

  it('gives parts that differ from the whole in nothing but the inputs left out', () => {
    const text = '{ "Input" : [ "a]\\"," ,\n"ü🙂", "" ,"\\u005d" ] , "model":"m", "x":[1.50] } trailing';
    const batch = batchOf(text);
    if (batch === undefined) expect.fail('no batch');
    expect(partBody(batch, 0, 2).toString()).toBe(
      '{ "Input" : ["a]\\"," ,\n"ü🙂"] , "model":"m", "x":[1.50] } trailing',
    );
    expect(partBody(batch, 2, 4).toString()).toBe('{ "Input" : ["" ,"\\u005d"] , "model":"m", "x":[1.50] } trailing');
  });

  it('is renamed wherever the model stands', () => {
    for (const text of ['{"model":"alias","input":["a","b"]}', '{"input":["a","b"],"model":"alias"}']) {
      const batch = batchOf(text);
      const span = scanBody(Buffer.from(text)).get('model');
      if (batch === undefined || span === undefined) expect.fail('no batch');
      expect(JSON.parse(partBody(batch, 1, 2, { span, name: 'real' }).toString())).toEqual({
        model: 'real',
        input: ['b'],
      });
    }
  });

  it('is whole again when its parts are put together, whatever the texts hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 12 }), fc.nat(), (texts, at) => {
        const cut = 1 + (at % (texts.length - 1));
        const batch = batchOf(JSON.stringify({ model: 'm', input: texts }));
        if (batch === undefined) expect.fail('no batch');
        const inputs = [partBody(batch, 0, cut), partBody(batch, cut, texts.length)].flatMap(
          (body) => (JSON.parse(body.toString()) as { readonly input: readonly string[] }).input,
        );
        expect(inputs).toEqual(texts);
      }),
    );
  });
});

describe('the servers that get a share', () => {
  const plans: readonly [what: string, count: number, weights: readonly number[], asked: readonly number[]][] = [
    ['are all, where there is enough for each', 24, [1, 1, 1], [0, 1, 2]],
    ['are the first ones, where there is not', 23, [1, 1, 1], [0, 1]],
    ['are one, where two would have too little', 15, [1, 1], [0]],
    ['are none, where one has too little', 7, [1, 1], []],
    ['do not include one whose weight is next to nothing', 100, [10, 1, 10], [0, 2]],
    ['share what the lightest would have got', 36, [3, 1, 4], [0, 2]],
    ['may be one alone by weight', 1_000, [1e6, 1], [0]],
  ];
  it.each(plans)('%s', (_what, count, weights, asked) => {
    expect(worthAsking(count, weights)).toEqual(asked);
  });

  const weights = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 8 });

  it('get at least about eight inputs each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 5_000 }), weights, (count, given) => {
        const chosen = worthAsking(count, given).map((place) => given[place] ?? 0);
        expect(chosen.length).toBeGreaterThan(0);
        for (const { from, to } of sharesOf(count, chosen)) expect(to - from).toBeGreaterThanOrEqual(7);
      }),
    );
  });

  it('get all inputs, each once and in order, within one of what their weight asks for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), weights, (count, given) => {
        const total = given.reduce((sum, weight) => sum + weight, 0);
        let next = 0;
        for (const [index, { from, to }] of sharesOf(count, given).entries()) {
          expect(from).toBe(next);
          expect(Math.abs(to - from - (count * (given[index] ?? 0)) / total)).toBeLessThanOrEqual(1.001);
          next = to;
        }
        expect(next).toBe(count);
      }),
    );
  });
});

describe('servers that may work side by side', () => {
  /** One runner of the model `m` on each server, by digest. */
  const runnersWith = (...holders: readonly (readonly [digest: string, weight?: number])[]): readonly Runner[] => {
    const { registry } = newPool();
    registry.apply(holders.map(([, weight], i) => backendConfig(`b${i}`, weight === undefined ? {} : { weight })));
    for (const [i, [digest]] of holders.entries()) {
      const seen = upWith('m');
      const installed = seen.up ? seen.installed.map((model) => ({ ...model, digest })) : [];
      registry.observe(`b${i}`, { up: true, version: '1', installed, loaded: [] });
    }
    return registry.eligible('m:latest').runners;
  };
  const names = (runners: readonly Runner[]): readonly string[] => sameModel(runners).map(({ backendId }) => backendId);

  it('hold the same files', () => {
    expect(names(runnersWith(['x'], ['y'], ['x']))).toEqual(['b0', 'b2']);
  });

  it('are those that have more weight together, and of equals the first', () => {
    expect(names(runnersWith(['x'], ['y'], ['y']))).toEqual(['b1', 'b2']);
    expect(names(runnersWith(['x', 3], ['y'], ['y']))).toEqual(['b0']);
    expect(names(runnersWith(['x'], ['x'], ['y'], ['y']))).toEqual(['b0', 'b1']);
  });

  it('say which files these are', () => {
    expect(names(runnersWith([''], ['']))).toEqual([]);
  });

  it('run the model themselves', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('b0'), backendConfig('b1')]);
    for (const id of ['b0', 'b1']) registry.observe(id, upWith('m:cloud'));
    expect(names(registry.eligible('m:cloud').runners)).toEqual([]);
  });
});
