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
 * open-addressing hash table keyed by (node, letter), which keeps the walk free of allocation.
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

/** A node (20 bits) and a unit's number in the alphabet (12 bits) share one 32-bit key. */
const MAX_UNITS = 0xfff;
/** Three quarters of the slots, so that probing stays short; few enough slots to stay in the cache. */
const MAX_NODES = 98_304;
const SLOT_BITS = 17;
const SLOT_MASK = (1 << SLOT_BITS) - 1;

/** Compiles lexicons, earlier ones winning where two give the same words. Throws RangeError beyond 98,304 nodes or 4,095 letters. */
export const compileTrie = (lexicons: readonly Lexicon[]): Trie => {
  const entries: Entry[] = [];
  const table = new Int32Array(2 << SLOT_BITS); // key and target side by side: one look-up, one cache line
  const ends = new Int16Array(2 * (MAX_NODES + 1)).fill(-1); // exact and stem entry of a node
  let nodes = 1;

  const alphabet = new Uint16Array(0x10000); // 0 = a unit that no entry has
  let letters = 0;

  const slotFor = (node: number, letter: number): number => {
    const key = (node << 12) | letter;
    let slot = spread(key);
    while (table[2 * slot + 1] !== 0 && table[2 * slot] !== key) slot = (slot + 1) & SLOT_MASK;
    return 2 * slot;
  };
  const letterOf = (unit: number): number => {
    const known = alphabet[unit] ?? 0;
    if (known !== 0) return known;
    if (letters >= MAX_UNITS) throw new RangeError(`the lexicons use more than ${MAX_UNITS} letters; drop some words`);
    alphabet[unit] = ++letters;
    return letters;
  };
  const insert = (word: string): number => {
    let node = 0;
    for (let i = 0; i < word.length; i++) {
      const letter = letterOf(word.charCodeAt(i));
      const slot = slotFor(node, letter);
      if (table[slot + 1] === 0) {
        if (nodes > MAX_NODES) throw new RangeError(`the lexicons need more than ${MAX_NODES} nodes; drop some words`);
        table[slot] = (node << 12) | letter;
        table[slot + 1] = nodes++;
      }
      node = table[slot + 1] ?? 0;
    }
    return node;
  };

  for (const lexicon of lexicons) {
    for (const { text, concept, open } of entriesOf(lexicon)) {
      const end = 2 * insert(text) + (open || isUnspaced(text.charCodeAt(text.length - 1)) ? 1 : 0);
      if (ends[end] === -1) ends[end] = entries.push({ text, concept }) - 1;
    }
  }
  // Every word begins at the root: its nodes stand side by side, where the table would have them all over memory.
  const first = new Int32Array(letters + 1);
  for (let letter = 1; letter <= letters; letter++) first[letter] = table[slotFor(0, letter) + 1] ?? 0;
  return {
    entries,
    step(node, unit) {
      const letter = alphabet[unit] ?? 0;
      if (node === 0) return first[letter] ?? 0;
      return letter === 0 ? 0 : (table[slotFor(node, letter) + 1] ?? 0);
    },
    exactAt: (node) => ends[2 * node] ?? -1,
    stemAt: (node) => ends[2 * node + 1] ?? -1,
  };
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

/** Fibonacci hashing (Knuth, TAOCP 6.4): the high bits of a product with 2^32 / φ. */
const spread = (key: number): number => Math.imul(key, 0x9e3779b1) >>> (32 - SLOT_BITS);
