import { messageSegment } from '../../src/sim/http/ask.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import { MESSAGE_OVERHEAD_TOKENS, type Segment } from '../../src/sim/model/prompt.ts';
import { generateText } from '../../src/sim/model/text.ts';

/** One message as it travels in the body of `/api/chat`. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** As the simulated server counts: four characters a token. */
const CHARS_PER_TOKEN = 4;
const SENTENCE = 'The reader keeps a table of what it has seen, and the writer finds each line in it again. ';

/**
 * Text of a message that the simulated server counts as exactly `tokens`, template included. It begins with `key`, so
 * that messages of different keys share no prefix and those of the same key are equal.
 * @throws RangeError if `tokens` leaves no room for the key
 */
export const textOf = (key: string, tokens: number): string => {
  const length = CHARS_PER_TOKEN * (tokens - MESSAGE_OVERHEAD_TOKENS);
  if (!(length > key.length)) {
    throw new RangeError(`a message of ${tokens} tokens has no room for its key ${key}: plan longer messages`);
  }
  return `${key} ${SENTENCE.repeat(Math.ceil(length / SENTENCE.length))}`.slice(0, length);
};

/** A message as a piece of the prompt that the simulated server renders. */
export const segmentOf = (message: Message): Segment => messageSegment({ ...message, images: [], extra: '' });

const ANSWER_FIELDS = ['a', 'b', 'c', 'd', 'e'];
const CHOICES = 4;

/**
 * What every request asks for as `format`. The simulated server writes its answers itself: as JSON it takes exactly four
 * characters a token, and chooses each field among the texts listed here. Field `place` is a digit of the length in
 * base 4, so that together they make any length, and the request's seed decides which; plain prose would have more
 * characters a token and so come back longer in the history than it was when it was written. The schema is the same in
 * all requests, because it counts as part of the prompt for whoever looks for known prefixes.
 */
export const ANSWER_SCHEMA = {
  type: 'object',
  properties: Object.fromEntries(
    ANSWER_FIELDS.map((name, place) => [
      name,
      { enum: Array.from({ length: CHOICES }, (_, digit) => 'word'.repeat(digit * CHOICES ** place)) },
    ]),
  ),
} as const;

const FRAME = Object.fromEntries(ANSWER_FIELDS.map((name) => [name, '']));
/** Tokens of the shortest and the longest answer of the schema: every digit 0, and every digit 3. */
export const LEAST_ANSWER = JSON.stringify(FRAME).length / CHARS_PER_TOKEN;
export const MOST_ANSWER = LEAST_ANSWER + CHOICES ** ANSWER_FIELDS.length - 1;

/** Of FNV's 32-bit prime modulo 2^32: with it a hash can be followed back to where it began. */
const FNV_PRIME_INVERSE = 0x359c449b;

/** The seed from which `hash32` of `text` comes to `hash`. */
export const seedOfHash = (text: string, hash: number): number => {
  let seed = hash >>> 0;
  for (let index = text.length - 1; index >= 0; index -= 1) {
    seed = (Math.imul(seed, FNV_PRIME_INVERSE) ^ text.charCodeAt(index)) >>> 0;
  }
  return seed;
};

/**
 * Length that the servers are started with. A schema decides the length in its place, but a server that draws one from a
 * range advances the generator by it.
 */
export const SERVER_LENGTH = LEAST_ANSWER;

/** What the simulated server says from this state of its generator; an empty prompt leaves the seed as the state. */
const answerFrom = (state: number): readonly string[] =>
  generateText({
    prompt: '',
    seed: state,
    length: SERVER_LENGTH,
    limit: undefined,
    stop: [],
    format: ANSWER_SCHEMA,
  }).pieces;

interface Known {
  readonly state: number;
  readonly answer: string;
}

const known = new Map<number, Known>();
let tried = 0;
/** Ten times as many as it takes to meet each of a thousand lengths by chance. */
const MOST_TRIES = 100_000;

const stateFor = (tokens: number): Known => {
  for (;;) {
    const found = known.get(tokens);
    if (found !== undefined) return found;
    if (tried >= MOST_TRIES) throw new RangeError(`no seed makes an answer of ${tokens} tokens`);
    const pieces = answerFrom(tried);
    if (!known.has(pieces.length)) known.set(pieces.length, { state: tried, answer: pieces.join('') });
    tried += 1;
  }
};

/** Finds the seeds of all these lengths beforehand: each can take some ms, which an event loop that measures has not. */
export const prepareAnswers = (lengths: Iterable<number>): void => {
  for (const tokens of lengths) stateFor(tokens);
};

/** An answer of a wanted length, and the `seed` option that makes the simulated server give it. */
export interface PlannedAnswer {
  readonly seed: number;
  readonly text: string;
}

/**
 * @param tokens that the server is to write, `LEAST_ANSWER` … `MOST_ANSWER`
 * @throws RangeError outside of these
 */
export const answerOf = (messages: readonly Message[], tokens: number): PlannedAnswer => {
  if (!Number.isInteger(tokens) || tokens < LEAST_ANSWER || tokens > MOST_ANSWER) {
    throw new RangeError(`an answer has ${LEAST_ANSWER} to ${MOST_ANSWER} tokens, not ${tokens}`);
  }
  const { state, answer } = stateFor(tokens);
  const prompt = messages.map((message) => segmentOf(message).text).join('');
  const seed = seedOfHash(prompt, state);
  if (hash32(prompt, seed) !== state) throw new Error('the hash was not followed back: has hash32 changed?');
  return { seed, text: answer };
};
