import { compileProgram, type Program } from './program.ts';
import { PatternError, parsePattern, type Assertion } from './syntax.ts';

/** A compiled pattern: says whether it is found anywhere in a text, in time linear in the text. */
export interface Matcher {
  /** @param text in lower case */
  test(text: string): boolean;
}

/** What stands before a place of the text. */
const EDGE = 0; // nothing, or a line break
const WORD = 1;
const OTHER = 2;
type Side = typeof EDGE | typeof WORD | typeof OTHER;

/** A deterministic state: the steps that may come next, and what was read last. */
interface State {
  readonly steps: readonly number[];
  readonly before: Side;
  /** By class of units; null = the pattern was found. */
  readonly next: (State | null | undefined)[];
  /** Whether it is found if the text ends here. */
  end: boolean | undefined;
}

/**
 * States kept at a time. A pattern like `a.{12}b` has thousands; then all are forgotten and built anew as they come, which
 * costs one look at each step for each unit, and never more.
 */
const MAX_STATES = 500;
const ASCII = 128;

/**
 * Compiles a pattern (see `parsePattern`) into a deterministic automaton that is built while it is used.
 * @throws PatternError for what cannot be read, is too large, or is found in any text whatever
 */
export const compilePattern = (source: string): Matcher => {
  const matcher = new LazyMatcher(compileProgram(parsePattern(source)));
  if (matcher.test('')) throw new PatternError('fits every text: it can do without a single character');
  return matcher;
};

/** What is wrong with a pattern, in words that go on from it; undefined if nothing is. */
export const patternProblem = (source: string): string | undefined => {
  try {
    compilePattern(source);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
};

class LazyMatcher implements Matcher {
  readonly #program: Program;
  /** First units of the classes, ascending. Units of one class are alike to all steps. */
  readonly #starts: readonly number[];
  readonly #ascii: Uint16Array;
  readonly #states = new Map<string, State>();
  /** For each class, the steps that take it. */
  readonly #takes: readonly ReadonlySet<number>[];

  constructor(program: Program) {
    this.#program = program;
    this.#starts = classStarts(program);
    this.#ascii = Uint16Array.from({ length: ASCII }, (_, unit) => this.#search(unit));
    this.#takes = this.#starts.map((unit) => takersOf(program, unit));
  }

  test(text: string): boolean {
    let state = this.#intern([0], EDGE);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const kind = unit < ASCII ? (this.#ascii[unit] ?? 0) : this.#search(unit);
      let next = state.next[kind];
      if (next === undefined) {
        next = this.#step(state, kind);
        state.next[kind] = next;
      }
      if (next === null) return true;
      state = next;
    }
    state.end ??= this.#closure(state, EDGE).found;
    return state.end;
  }

  /** The class of a unit. */
  #search(unit: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= unit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #step(state: State, kind: number): State | null {
    const side = sideOf(this.#starts[kind] ?? 0);
    const { steps, found } = this.#closure(state, side);
    if (found) return null;
    const takes = this.#takes[kind];
    const next = new Set([0]); // a match may begin anywhere
    for (const at of steps) {
      const step = this.#program[at];
      if (step?.kind === 'take' && takes?.has(at) === true) next.add(step.to);
    }
    return this.#intern(
      [...next].toSorted((a, b) => a - b),
      side,
    );
  }

  /** The steps that are reached without reading, between what stands before and after. */
  #closure({ steps, before }: State, after: Side): { readonly steps: ReadonlySet<number>; readonly found: boolean } {
    const seen = new Set<number>();
    const open = [...steps];
    let found = false;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const step = this.#program[at];
      if (step === undefined) continue;
      if (step.kind === 'match') found = true;
      else if (step.kind === 'fork') open.push(step.to, step.or);
      else if (step.kind === 'assert' && holds(step.assertion, before, after)) open.push(step.to);
    }
    return { steps: seen, found };
  }

  #intern(steps: readonly number[], before: Side): State {
    const key = `${before}:${steps.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_STATES) {
      // What is still held by the reader lives on, without the ways out that were learned.
      for (const state of this.#states.values()) state.next.length = 0;
      this.#states.clear();
    }
    const state: State = { steps, before, next: [], end: undefined };
    this.#states.set(key, state);
    return state;
  }
}

const isWord = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || unit === 0x5f || (unit >= 0x61 && unit <= 0x7a);

const sideOf = (unit: number): Side => (unit === 0x0a ? EDGE : isWord(unit) ? WORD : OTHER);

const holds = (assertion: Assertion, before: Side, after: Side): boolean => {
  switch (assertion) {
    case 'line-start':
      return before === EDGE;
    case 'line-end':
      return after === EDGE;
    case 'word-edge':
      return (before === WORD) !== (after === WORD);
    case 'no-word-edge':
      return (before === WORD) === (after === WORD);
  }
};

/** Where the answer of any step, or the kind of a unit, changes. */
const classStarts = (program: Program): readonly number[] => {
  const starts = new Set([0, 0x0a, 0x0b, 0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b]);
  for (const step of program) {
    if (step.kind !== 'take') continue;
    for (const [first, last] of step.ranges) {
      starts.add(first);
      if (last < 0xffff) starts.add(last + 1);
    }
  }
  return [...starts].toSorted((a, b) => a - b);
};

const takersOf = (program: Program, unit: number): ReadonlySet<number> => {
  const out = new Set<number>();
  for (const [at, step] of program.entries()) {
    if (step.kind === 'take' && step.ranges.some(([first, last]) => unit >= first && unit <= last)) out.add(at);
  }
  return out;
};
