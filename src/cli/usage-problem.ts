import { didYouMean } from '../config/nearest.ts';
import { errorText } from '../core/errors.ts';
import { OPTIONS } from './options.ts';
import type { Verb } from './usage.ts';

/** What Node says of an option that it was not told of; the rest of its message is about arguments that begin with `-`. */
const UNKNOWN = /^Unknown option '(-[^']*)'/;

/** What is wrong with a command line, with the option that was probably meant. @param thrown by `parseArgs` or a reader */
export const problemOf = (thrown: unknown, verb: Verb): string => {
  const text = errorText(thrown);
  const found = UNKNOWN.exec(text);
  const option = found?.[1];
  if (found === null || option === undefined) return text;
  return `${found[0]}${didYouMean(
    option,
    OPTIONS[verb].map(({ name }) => `--${name}`),
  )}`;
};
