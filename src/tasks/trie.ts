import { CONCEPTS } from './concepts.ts';
import type { Concept, Lexicon } from './concepts.ts';
import { foldText, isUnspaced } from './fold.ts';

/** What a lexicon entry means. */
export interface Entry {
  readonly text: string;
  readonly concept: Concept;
}

/**
 * All lexicons as one prefix tree, so that a text is read once, whatever the number of entries. Transitions live in one
 * open-addressing hash table keyed by (node, unit), which keeps the walk free of allocation.
 */
export interface Trie {
  readonly entries: readonly Entry[];
  /** The node reached from `node` by `unit`, 0 when there is none (0 is also the root). */
  step(node: number, unit: number): number;
  /** The entry that ends at `node` and needs a word boundary after it; -1 = none. */
  exactAt(node: number): number;
  /** The entry that ends at `node` and may go on inside the word; -1 = none. */
  stemAt(node: number): number;
}

const MAX_NODES = 0xffff;

/** Compiles lexicons, earlier ones winning where two give the same words. Throws RangeError beyond 65,535 nodes. */
export const compileTrie = (lexicons: readonly Lexicon[]): Trie => {
  const entries: Entry[] = [];
  const children: Map<number, number>[] = [new Map()];
  const exact: number[] = [-1];
  const stem: number[] = [-1];

  const nodeFor = (word: string): number => {
    let node = 0;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      let next = children[node]?.get(unit);
      if (next === undefined) {
        next = children.length;
        if (next > MAX_NODES)
          throw new RangeError(`the lexicons need more than ${MAX_NODES} tree nodes; drop some words`);
        children[node]?.set(unit, next);
        children.push(new Map());
        exact.push(-1);
        stem.push(-1);
      }
      node = next;
    }
    return node;
  };

  for (const lexicon of lexicons) {
    for (const { text, concept, open } of entriesOf(lexicon)) {
      const node = nodeFor(text);
      const slots = open || isUnspaced(text.charCodeAt(text.length - 1)) ? stem : exact;
      if (slots[node] === -1) slots[node] = entries.push({ text, concept }) - 1;
    }
  }
  return { entries, ...frozen(children, exact, stem) };
};

const isConcept = (name: string): name is Concept => Object.hasOwn(CONCEPTS, name);

/** The parsed entries of a lexicon: folded text, concept, and whether the word may go on after it. */
export const entriesOf = (lexicon: Lexicon): { text: string; concept: Concept; open: boolean }[] => {
  const out: { text: string; concept: Concept; open: boolean }[] = [];
  for (const [concept, list] of Object.entries(lexicon)) {
    if (!isConcept(concept)) continue;
    for (const raw of list.split(',')) {
      const text = foldText(raw);
      if (text !== '') out.push({ text, concept, open: raw.trimEnd().endsWith('*') });
    }
  }
  return out;
};

const frozen = (children: readonly Map<number, number>[], exact: readonly number[], stem: readonly number[]) => {
  let size = 1024;
  while (size < children.length * 3) size *= 2;
  const mask = size - 1;
  const keys = new Int32Array(size);
  const targets = new Uint16Array(size);
  const exactAt = Int32Array.from(exact);
  const stemAt = Int32Array.from(stem);
  children.forEach((edges, node) => {
    for (const [unit, target] of edges) {
      const key = (node << 16) | unit;
      let slot = spread(key) & mask;
      while (targets[slot] !== 0) slot = (slot + 1) & mask;
      keys[slot] = key;
      targets[slot] = target;
    }
  });
  return {
    step(node: number, unit: number): number {
      const key = (node << 16) | unit;
      let slot = spread(key) & mask;
      for (;;) {
        const target = targets[slot] ?? 0;
        if (target === 0 || keys[slot] === key) return target;
        slot = (slot + 1) & mask;
      }
    },
    exactAt: (node: number): number => exactAt[node] ?? -1,
    stemAt: (node: number): number => stemAt[node] ?? -1,
  };
};

/** The finaliser of MurmurHash3 (Austin Appleby, public domain): neighbouring keys land far apart. */
const spread = (key: number): number => {
  let h = key;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};
