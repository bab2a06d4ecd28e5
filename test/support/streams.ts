import { heldText } from './held-backend.ts';
import { call, type Answer } from './http-call.ts';

const promptOf = (index: number): string => `story number ${index}`;

interface Line {
  readonly message?: { readonly content?: string };
  readonly done?: boolean;
}

/** The text of a streamed chat, undefined unless it came whole with its final record. */
export const textOf = ({ status, body, complete }: Answer): string | undefined => {
  const lines = body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  if (status !== 200 || !complete || lines.at(-1)?.done !== true) return undefined;
  return lines.map(({ message }) => message?.content ?? '').join('');
};

export interface Streams {
  /** Every stream has sent something. */
  readonly started: Promise<unknown>;
  /** How many have ended already. */
  ended(): number;
  readonly answers: Promise<readonly Answer[]>;
}

/** Starts `count` streamed chats at once, each with a prompt of its own. */
export const startStreams = (url: string, model: string, count: number): Streams => {
  let ended = 0;
  const starts: Promise<void>[] = [];
  const answers = Array.from({ length: count }, (_, index) => {
    let begun: () => void = () => {};
    starts.push(
      new Promise((resolve) => {
        begun = resolve;
      }),
    );
    const body = { model, messages: [{ role: 'user', content: promptOf(index) }] };
    return call(`${url}/api/chat`, { body, onData: begun }).finally(() => {
      ended++;
    });
  });
  return { started: Promise.all(starts), ended: () => ended, answers: Promise.all(answers) };
};

/** What `textOf` gives for so many streams from held backends, when all went well. */
export const expectedTexts = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => heldText(promptOf(index)));
