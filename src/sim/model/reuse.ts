import { commonPrefixTokens, continues, totalTokens, type Segment } from './prompt.ts';

/**
 * What a runner remembers of earlier prompts.
 * - `one-per-model`: the last prompt only, however many slots (Ollama 0.24's own engine);
 * - `one-per-slot`: each slot its last prompt (the same with OLLAMA_MULTIUSER_CACHE, and llama.cpp without a RAM cache);
 * - `many`: every prompt up to a number of tokens, least recently used goes first (llama-server's RAM cache).
 */
export type ReusePolicy = 'one-per-model' | 'one-per-slot' | 'many';

/** Which slot a request gets and how many of its prompt tokens need no work. */
export interface Placement {
  readonly slot: number;
  readonly cachedTokens: number;
}

export interface PromptCache {
  /** Tokens of a prompt that any slot or store remembers, without taking or touching anything. */
  peek(prompt: readonly Segment[]): number;
  /** Takes a free slot. Call only while one is free. */
  place(prompt: readonly Segment[]): Placement;
  /** The slot now holds this sequence. */
  remember(slot: number, sequence: readonly Segment[]): void;
  free(slot: number): void;
}

/** Tokens that llama-server's default RAM cache of 8 GiB holds at the usual 128 KiB a token. */
const MANY_TOKENS = 65_536;

/**
 * Reusable tokens of `prompt` given one remembered sequence. The last token is always processed, because the engine
 * needs its logits. A sliding-window model whose remembered sequence outgrew the window has lost the states in its
 * middle: only an exact continuation is reused then (seen on gemma 3).
 */
export const reusable = (
  cached: readonly Segment[],
  prompt: readonly Segment[],
  window: number | undefined,
): number => {
  if (window !== undefined && totalTokens(cached) > window && !continues(cached, prompt)) return 0;
  return Math.max(0, Math.min(commonPrefixTokens(cached, prompt), totalTokens(prompt) - 1));
};

interface Remembered {
  sequence: readonly Segment[];
  used: number;
}

/** Makes the memory of one runner. It dies with the runner. */
export const promptCache = (policy: ReusePolicy, slots: number, window: number | undefined): PromptCache => {
  const free = Array.from({ length: slots }, () => true);
  const perSlot: Remembered[] = Array.from({ length: slots }, () => ({ sequence: [], used: 0 }));
  const many: Remembered[] = [];
  let single: readonly Segment[] = [];
  let clock = 0;

  const leastRecent = (): number => {
    let best = -1;
    perSlot.forEach((entry, slot) => {
      if (free[slot] === true && (best < 0 || entry.used < (perSlot[best]?.used ?? 0))) best = slot;
    });
    if (best < 0) throw new Error('no free slot: place() is only for runners with room');
    return best;
  };

  const choose = (prompt: readonly Segment[]): Placement => {
    const fallback = leastRecent();
    if (policy === 'one-per-model') return { slot: fallback, cachedTokens: reusable(single, prompt, window) };
    let best = { slot: fallback, cachedTokens: 0 };
    const entries = policy === 'many' ? many : perSlot;
    entries.forEach((entry, index) => {
      if (policy === 'one-per-slot' && free[index] !== true) return;
      const cachedTokens = reusable(entry.sequence, prompt, window);
      if (cachedTokens <= best.cachedTokens) return;
      if (policy === 'many') entry.used = ++clock;
      best = { slot: policy === 'many' ? fallback : index, cachedTokens };
    });
    return best;
  };

  const rememberMany = (sequence: readonly Segment[]): void => {
    for (let index = many.length - 1; index >= 0; index -= 1) {
      const entry = many[index];
      if (entry !== undefined && continues(entry.sequence, sequence)) many.splice(index, 1);
    }
    many.push({ sequence, used: ++clock });
    let tokens = many.reduce((sum, entry) => sum + totalTokens(entry.sequence), 0);
    while (tokens > MANY_TOKENS && many.length > 1) {
      const oldest = many.reduce((a, b) => (b.used < a.used ? b : a));
      many.splice(many.indexOf(oldest), 1);
      tokens -= totalTokens(oldest.sequence);
    }
  };

  const best = (sequences: readonly (readonly Segment[])[], prompt: readonly Segment[]): number =>
    sequences.reduce((most, sequence) => Math.max(most, reusable(sequence, prompt, window)), 0);

  return {
    peek(prompt) {
      if (policy === 'one-per-model') return reusable(single, prompt, window);
      return best(
        (policy === 'many' ? many : perSlot).map(({ sequence }) => sequence),
        prompt,
      );
    },
    place(prompt) {
      const placement = choose(prompt);
      free[placement.slot] = false;
      return placement;
    },
    remember(slot, sequence) {
      const entry = perSlot[slot];
      if (entry !== undefined) {
        entry.sequence = sequence;
        entry.used = ++clock;
      }
      single = sequence;
      if (policy === 'many') rememberMany(sequence);
    },
    free(slot) {
      free[slot] = true;
    },
  };
};
