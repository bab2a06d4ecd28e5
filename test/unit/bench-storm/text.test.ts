import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANSWER_SCHEMA,
  answerOf,
  LEAST_ANSWER,
  MOST_ANSWER,
  seedOfHash,
  segmentOf,
  SERVER_LENGTH,
  textOf,
  type Message,
} from '../../../bench/storm/text.ts';
import { hash32 } from '../../../src/sim/model/hash.ts';
import { commonPrefixTokens } from '../../../src/sim/model/prompt.ts';
import { generateText } from '../../../src/sim/model/text.ts';

const user = (key: string, tokens: number): Message => ({ role: 'user', content: textOf(key, tokens) });

/** What the simulated server answers to these messages with this seed, by its own code. */
const served = (messages: readonly Message[], seed: number): readonly string[] =>
  generateText({
    prompt: messages.map((message) => segmentOf(message).text).join(''),
    seed,
    length: SERVER_LENGTH,
    limit: undefined,
    stop: [],
    format: ANSWER_SCHEMA,
  }).pieces;

describe('text of a message', () => {
  it('has exactly the planned tokens, as the simulated server counts them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 8192 }), (tokens) => {
        expect(segmentOf(user('7.1', tokens)).tokens).toBe(tokens);
      }),
    );
  });

  it('is the same for the same key, so that its prefix is found again', () => {
    const [first, again] = [segmentOf(user('0-app system', 500)), segmentOf(user('0-app system', 500))];
    expect(commonPrefixTokens([first], [again])).toBe(500);
  });

  it('shares nothing worth a token of work with the text of another key', () => {
    expect(commonPrefixTokens([segmentOf(user('12.0 question', 500))], [segmentOf(user('13.0 question', 500))])).toBe(
      1,
    );
  });

  it('refuses a message too short to tell its key', () => {
    expect(() => textOf('1234.19 question', 8)).toThrow('no room for its key 1234.19 question');
  });
});

describe('a planned answer', () => {
  it('comes from the simulated server with exactly the planned tokens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: LEAST_ANSWER, max: MOST_ANSWER }),
        fc.integer({ min: 8, max: 2000 }),
        (tokens, promptTokens) => {
          const messages = [user('3.0', promptTokens)];
          const { seed, text } = answerOf(messages, tokens);
          const pieces = served(messages, seed);
          expect(pieces).toHaveLength(tokens);
          expect(pieces.join('')).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is as long in the history as it was when it was written, but for what the template adds to a message', () => {
    const { text } = answerOf([user('3.0', 100)], 321);
    expect(segmentOf({ role: 'assistant', content: text }).tokens).toBe(321 + 4);
  });

  it('refuses a length that the schema cannot make', () => {
    expect(() => answerOf([user('3.0', 100)], LEAST_ANSWER - 1)).toThrow('an answer has 9 to 1032 tokens, not 8');
    expect(() => answerOf([user('3.0', 100)], MOST_ANSWER + 1)).toThrow('not 1033');
  });
});

describe('a hash followed back', () => {
  it('gives a seed from which the same text comes to it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (text, hash) => {
        expect(hash32(text, seedOfHash(text, hash))).toBe(hash);
      }),
    );
  });
});
