import type { PromptView } from '../core/types.ts';
import { JsonWalk } from './demand-walk.ts';
import { decodeString, foldKey, itemsOf, membersOf, type Members, type Span } from './json-scan.ts';

/** Enough for any categorizer; a longer prompt is read at its head and tail. */
const MAX_TEXT_BYTES = 64 * 1024;

const readString = (body: Buffer, span: Span): string => {
  if (span.end - span.start <= MAX_TEXT_BYTES) return decodeString(body, span);
  const half = MAX_TEXT_BYTES / 2;
  const head = body.toString('utf8', span.start + 1, span.start + half);
  const tail = body.toString('utf8', span.end - half, span.end - 1);
  return `${head}\n${tail}`.replaceAll('\\n', '\n').replaceAll('\\"', '"');
};

/** `content` as a string, or as parts of which the text ones count (OpenAI and Anthropic shapes). */
const readContent = (body: Buffer, span: Span | undefined): string => {
  if (span === undefined) return '';
  if (span.type === 'string') return readString(body, span);
  if (span.type !== 'array') return '';
  const texts: string[] = [];
  for (const part of itemsOf(body, span)) {
    if (part.type === 'string') texts.push(readString(body, part));
    if (part.type !== 'object') continue;
    const text = membersOf(body, part).get('text');
    if (text?.type === 'string') texts.push(readString(body, text));
  }
  return texts.join('\n');
};

const hasWords = (body: Buffer, content: Span): boolean =>
  content.type === 'string' ||
  (content.type === 'array' &&
    itemsOf(body, content).some(
      (part) =>
        part.type === 'string' || (part.type === 'object' && membersOf(body, part).get('text')?.type === 'string'),
    ));

const readMessages = (body: Buffer, messages: Span, system: string): PromptView => {
  let lastUser: Span | undefined;
  let last: Span | undefined;
  let firstSystem: Span | undefined;
  // Without an object for each message: histories have hundreds of them.
  const walk = new JsonWalk(body);
  walk.items(messages.start, (item) => {
    if (body[item] !== OPEN_BRACE) return walk.valueEnd(item);
    let role = '';
    let content: Span | undefined;
    const after = walk.members(item, (keyFrom, keyTo, start, end) => {
      const first = body[start];
      if (first === FIRST_OF_NULL) return;
      const key = walk.exactKey(keyFrom, keyTo);
      if (isNamed(key, 'role')) role = first === QUOTE ? decodeString(body, { start, end, type: 'string' }) : '';
      else if (isNamed(key, 'content')) content = { start, end, type: typeAt(first) };
    });
    if (content === undefined) return after;
    // A turn of tool results has no words; what they are for was said before.
    if (role === 'user') lastUser = hasWords(body, content) ? content : (lastUser ?? content);
    else if (role === 'system' || role === 'developer') firstSystem ??= content;
    else last = content;
    return after;
  });
  return {
    text: readContent(body, lastUser ?? last),
    system: system === '' ? readContent(body, firstSystem) : system,
  };
};

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const FIRST_OF_NULL = 0x6e;

/** As far as it matters for a content. */
const typeAt = (first: number | undefined): Span['type'] =>
  first === QUOTE ? 'string' : first === OPEN_BRACKET ? 'array' : first === OPEN_BRACE ? 'object' : 'number';

const isNamed = (key: string, name: string): boolean =>
  key === name || (key.length === name.length && foldKey(key) === name);

const firstOf = (members: Members, ...names: readonly string[]): Span | undefined => {
  for (const name of names) {
    const span = members.get(name);
    if (span !== undefined) return span;
  }
  return undefined;
};

/**
 * The words of a request, whichever dialect they came in: the last user message of `messages`, or `prompt`, or `input`
 * (a string, a list of strings, or Responses items), with the system prompt beside it.
 */
export const promptOf = (body: Buffer, members: Members): PromptView => {
  const system = readContent(body, firstOf(members, 'system', 'instructions'));
  const messages = members.get('messages');
  if (messages?.type === 'array') return readMessages(body, messages, system);
  const prompt = members.get('prompt');
  if (prompt !== undefined) return { text: readContent(body, prompt), system };
  const input = members.get('input');
  if (input?.type === 'array' && itemsOf(body, input)[0]?.type === 'object') return readMessages(body, input, system);
  return { text: readContent(body, input), system };
};
