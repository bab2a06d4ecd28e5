import type { ExplainAnswer, WhyAnswer } from '../results/decisions.ts';

/**
 * Whether an answer of the admin API has the members that printing goes into. What is a plain number or text in it is
 * not looked at: a missing one prints as `?`, so that a proxy of another version can still be read.
 */
type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isListOf = (value: unknown, holds: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => holds(item));

const isCandidate = (value: unknown): boolean =>
  isObject(value) && typeof value['backend'] === 'string' && isObject(value['terms']) && isObject(value['predicted']);

/** Is it an answer to `explain`? */
export const isExplainAnswer = (value: unknown): value is ExplainAnswer =>
  isObject(value) &&
  isObject(value['understood']) &&
  isObject(value['understood']['shape']) &&
  isListOf(value['candidates'], isCandidate) &&
  isListOf(value['obstacles'], isObject);

const isDecision = (value: unknown): boolean =>
  isObject(value) && isListOf(value['attempts'], (each) => isObject(each) && isListOf(each['candidates'], isCandidate));

const isTry = (value: unknown): boolean => isObject(value) && isObject(value['outcome']);

/** Is it the record of a request, with or without how it was decided? */
export const isWhyAnswer = (value: unknown): value is WhyAnswer =>
  isObject(value) &&
  typeof value['id'] === 'string' &&
  (value['attempts'] === undefined || isListOf(value['attempts'], isTry)) &&
  (value['decided'] === undefined || isDecision(value['decided']));
