/**
 * A piece of a rendered prompt: one message, the tool list, a system text. Prompts are compared piece by piece, so a
 * benchmark may use a short key as `text` and state `tokens` freely.
 */
export interface Segment {
  readonly text: string;
  /** Tokens of the piece, template included, ≥ 0. */
  readonly tokens: number;
  /** Survives when a long history is cut: the system text and the tool list. */
  readonly pinned?: boolean;
}

/** What the chat template adds around one message. */
export const MESSAGE_OVERHEAD_TOKENS = 4;
/** A picture, whatever its size, as common vision encoders count it. */
export const IMAGE_TOKENS = 256;
const CHARS_PER_TOKEN = 4;

/** A cheap tokenizer: four characters a token, which is close for English and code. */
export const countTokens = (text: string): number => Math.ceil(text.length / CHARS_PER_TOKEN);

export const totalTokens = (prompt: readonly Segment[]): number => {
  let sum = 0;
  for (const segment of prompt) sum += segment.tokens;
  return sum;
};

const commonChars = (a: string, b: string): number => {
  const end = Math.min(a.length, b.length);
  let index = 0;
  while (index < end && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  return index;
};

/** Tokens at the head of `prompt` that `cached` holds too, 0 … total of `prompt`. */
export const commonPrefixTokens = (cached: readonly Segment[], prompt: readonly Segment[]): number => {
  let tokens = 0;
  for (let index = 0; index < prompt.length; index += 1) {
    const mine = prompt[index];
    const theirs = cached[index];
    if (mine === undefined || theirs === undefined) break;
    if (mine.text === theirs.text) {
      tokens += mine.tokens;
      continue;
    }
    tokens += Math.min(mine.tokens, Math.floor(commonChars(theirs.text, mine.text) / CHARS_PER_TOKEN));
    break;
  }
  return tokens;
};

/** Whether `prompt` begins with all of `cached`: the next turn of the same conversation. */
export const continues = (cached: readonly Segment[], prompt: readonly Segment[]): boolean =>
  cached.length <= prompt.length && cached.every((segment, index) => segment.text === prompt[index]?.text);

/**
 * Cuts a prompt to the context as Ollama's chat route does (server/prompt.go): the oldest messages go first, pinned
 * pieces and the last message stay; what is still too long loses its tail.
 */
export const fitContext = (prompt: readonly Segment[], contextTokens: number): readonly Segment[] => {
  let over = totalTokens(prompt) - contextTokens;
  if (over <= 0) return prompt;
  const last = prompt.length - 1;
  const kept = prompt.filter((segment, index) => {
    if (over <= 0 || segment.pinned === true || index === last) return true;
    over -= segment.tokens;
    return false;
  });
  const tail = kept.at(-1);
  if (over <= 0 || tail === undefined) return kept;
  return [...kept.slice(0, -1), { ...tail, tokens: Math.max(1, tail.tokens - over) }];
};
