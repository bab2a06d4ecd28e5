import { JsonWalk } from './demand-walk.ts';
import type { Members } from './json-scan.ts';

/** Bytes `[from, to)` of a body, and what comes in their place. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const OPEN_BRACE = 0x7b;
const LETTER_N = 0x6e;

/** Puts the option in the place of its last duplicate, which is the one that counts, or at the end of the object. */
const insideOptions = (walk: JsonWalk, start: number, value: number): Edit => {
  let old: Edit | undefined;
  let empty = true;
  const end = walk.members(start, (keyFrom, keyTo, from, to) => {
    empty = false;
    // To the letter: options are looked up in a map (Ollama api/types.go, Options.FromMap, v0.33).
    if (walk.exactKey(keyFrom, keyTo) === 'num_ctx') old = { from, to, text: String(value) };
  });
  return old ?? { from: end - 1, to: end - 1, text: `${empty ? '' : ','}"num_ctx":${value}` };
};

/** Puts options in the place of a `null`, or at the end of the request. */
const newOptions = (walk: JsonWalk, value: number): Edit | undefined => {
  const start = walk.text.indexOf(OPEN_BRACE);
  if (start === -1) return undefined;
  const text = `{"num_ctx":${value}}`;
  let old: Edit | undefined;
  let empty = true;
  const end = walk.members(start, (keyFrom, keyTo, from, to) => {
    empty = false;
    const isOptions = walk.exactKey(keyFrom, keyTo).toLowerCase() === 'options';
    if (isOptions && walk.text[from] === LETTER_N) old = { from, to, text };
  });
  return old ?? { from: end - 1, to: end - 1, text: `${empty ? '' : ','}"options":${text}` };
};

/**
 * A native body that asks for another context size; every byte that says something else stays as it was. Options of a
 * wrong type stay too, for the backend to refuse.
 * @param members of this body, as `scanBody` gave them
 * @param value tokens, a whole number > 0
 */
export const setNumCtx = (body: Buffer, members: Members, value: number): Buffer => {
  const walk = new JsonWalk(body);
  const options = members.get('options');
  if (options !== undefined && options.type !== 'object') return body;
  const edit = options === undefined ? newOptions(walk, value) : insideOptions(walk, options.start, value);
  if (edit === undefined) return body;
  return Buffer.concat([body.subarray(0, edit.from), Buffer.from(edit.text), body.subarray(edit.to)]);
};
