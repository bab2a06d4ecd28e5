import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edited, embedUsage, mergeEmbedAnswers, readEmbedAnswer } from '../../../src/forward/embed-merge.ts';
import type { Dialect } from '../../../src/core/types.ts';

type Spoken = Extract<Dialect, 'native' | 'openai'>;

const native = (vectors: readonly string[], rest = ''): string =>
  `{"model":"m","embeddings":[${vectors.join(',')}]${rest}}`;
const openai = (vectors: readonly string[], tokens: number): string => {
  const data = vectors.map((vector, index) => `{"object":"embedding","embedding":${vector},"index":${index}}`);
  return `{"object":"list","data":[${data.join(',')}],"model":"m","usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}\n`;
};

const read = (dialect: Spoken, text: string, count: number) => {
  const answer = readEmbedAnswer(dialect, Buffer.from(text), count);
  if (answer === undefined) expect.fail(`not taken for an answer to ${count} inputs: ${text}`);
  return answer;
};
const merged = (dialect: Spoken, parts: readonly (readonly [text: string, count: number])[], totalNs = 9): string =>
  Buffer.concat(
    mergeEmbedAnswers(
      parts.map(([text, count]) => read(dialect, text, count)),
      totalNs,
    ),
  ).toString();

describe('a merged answer', () => {
  it('has every vector in the bytes of its server, however these wrote their numbers', () => {
    const first = native(['[1e-7, -0.0,\n0.10]', '[]'], ',"total_duration":5,"load_duration":3,"prompt_eval_count":4');
    const second = native(['[1.50E+2]'], ',"total_duration":6,"load_duration":2,"prompt_eval_count":3');
    expect(
      merged(
        'native',
        [
          [first, 2],
          [second, 1],
        ],
        77,
      ),
    ).toBe(
      native(
        ['[1e-7, -0.0,\n0.10]', '[]', '[1.50E+2]'],
        ',"total_duration":77,"load_duration":3,"prompt_eval_count":7',
      ),
    );
  });

  it('counts through on /v1, whatever the vectors are written in', () => {
    const parts: [string, number][] = [
      [openai(['[1]', '"AAA="'], 4), 2],
      [openai(['[2]'], 3), 1],
    ];
    expect(merged('openai', parts)).toBe(openai(['[1]', '"AAA="', '[2]'], 7));
  });

  it('keeps members that nobody knows, and the order of those there are', () => {
    const part = '{ "x" : 1, "prompt_eval_count" : 2 , "embeddings" : [ [1] ], "y":{"load_duration":5} } ';
    expect(
      merged('native', [
        [part, 1],
        [part, 1],
      ]),
    ).toBe('{ "x" : 1, "prompt_eval_count" : 4 , "embeddings" : [[1],[1]], "y":{"load_duration":5} } ');
  });

  it('is not misled by what stands in strings', () => {
    const part = (vector: string): string =>
      `{"model":"]}\\"[{","embeddings":[${vector}],"\\\\":["]",{"a":[]},[[],true,null]]}`;
    expect(
      merged('native', [
        [part('[1]'), 1],
        [part('[2]'), 1],
      ]),
    ).toBe(part('[1],[2]'));
  });

  it('has a counter that only some parts have', () => {
    const counted = native(['[1]'], ',"prompt_eval_count":2');
    expect(
      merged('native', [
        [native(['[0]']), 1],
        [counted, 1],
      ]),
    ).toBe(native(['[0]', '[1]'], ',"prompt_eval_count":2'));
  });

  it('is the one that a single server would have given, wherever the batch was cut', () => {
    const vector = fc.oneof(
      fc
        .array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 })
        .map((values) => JSON.stringify(values)),
      fc.constant('[1e-07,0.50]'),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(vector, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        (parts) => {
          const all = parts.flat();
          const counters = (vectors: readonly string[]): string =>
            `,"total_duration":9,"prompt_eval_count":${vectors.length}`;
          const ofNative = parts.map((vectors) => [native(vectors, counters(vectors)), vectors.length] as const);
          expect(merged('native', ofNative)).toBe(native(all, counters(all)));
          const ofOpenai = parts.map((vectors) => [openai(vectors, vectors.length), vectors.length] as const);
          expect(merged('openai', ofOpenai)).toBe(openai(all, all.length));
        },
      ),
    );
  });
});

describe('what a server sends', () => {
  const wrong: readonly [what: string, dialect: Spoken, text: string][] = [
    ['is no JSON', 'native', '{"embeddings":[[1]'],
    ['is no object', 'native', '[[1]]'],
    ['is cut in a vector', 'native', '{"embeddings":[[1,2'],
    ['is cut in a string', 'native', '{"embeddings":[[1]],"model":"m\\"'],
    ['lacks a comma', 'native', '{"embeddings":[[1]] "model":"m"}'],
    ['lacks a colon', 'native', '{"embeddings":[[1]],"model" "m"}'],
    ['lacks a key', 'native', '{"embeddings":[[1]],1:2}'],
    ['lacks a value', 'native', '{"embeddings":[[1]],"model":}'],
    ['holds what is no value', 'native', '{"embeddings":[[1]],"model":m}'],
    ['is nested without end', 'native', `{"embeddings":${'['.repeat(9_999)}${']'.repeat(9_999)}}`],
    ['has no vectors', 'native', '{"model":"m"}'],
    ['has null for vectors', 'native', '{"embeddings":null}'],
    ['has too few vectors', 'native', native([])],
    ['has too many vectors', 'native', native(['[1]', '[2]'])],
    ['has a vector that is none', 'native', native(['1'])],
    ['speaks the other dialect', 'openai', native(['[1]'])],
    ['has an item without its number', 'openai', '{"data":[{"embedding":[1]}]}'],
    ['has an item without a vector', 'openai', '{"data":[{"index":0}]}'],
    ['has items that are none', 'openai', '{"data":[[1]]}'],
  ];
  it.each(wrong)('is no answer when it %s', (_what, dialect, text) => {
    expect(readEmbedAnswer(dialect, Buffer.from(text), 1)).toBeUndefined();
  });

  it('gives the tokens of all parts and the longest load as usage', () => {
    const parts = [
      read('native', native(['[1]'], ',"load_duration":2000000,"prompt_eval_count":4'), 1),
      read('native', native(['[1]'], ',"load_duration":5000000,"prompt_eval_count":3'), 1),
    ];
    expect(embedUsage(parts)).toMatchObject({ promptTokens: 7, loadMs: 5 });
    expect(embedUsage([read('openai', openai(['[1]'], 6), 1)])).toMatchObject({ promptTokens: 6, loadMs: undefined });
    expect(embedUsage([read('native', native(['[1]']), 1)])).toMatchObject({ promptTokens: undefined });
  });
});

describe('an edited text', () => {
  it('has other bytes in the places named, in whatever order these are named, and its own elsewhere', () => {
    const edits = [
      { span: { start: 4, end: 5 }, with: [Buffer.from('X'), Buffer.from('Y')] },
      { span: { start: 0, end: 2 }, with: [] },
      { span: { start: 3, end: 3 }, with: [Buffer.from('-')] },
    ];
    expect(Buffer.concat(edited(Buffer.from('abcdef'), edits)).toString()).toBe('c-dXYf');
    expect(Buffer.concat(edited(Buffer.from('abc'), [])).toString()).toBe('abc');
  });
});
