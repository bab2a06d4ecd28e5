import type { PrefixMark } from '../core/demand.ts';
import { MarkMap } from './mark-map.ts';
import { MarkTable, type Holding, type MarkOwner } from './prefix-marks.ts';
import { contains, type Sequence } from './prefix-sequence.ts';
import { DEEPEST, TrustTable, type ReuseKind, type TrustEstimate } from './prefix-trust.ts';
import { RecentMap } from './recent-map.ts';
import type { RunnerFacts } from './runner.ts';
import type { PrefixIndex, PromptMemory } from './types.ts';

/** Prompts per runner: more than any server keeps at hand for one model. */
const MOST_SEQUENCES = 64;
/** Marks per runner: that many conversations of the usual hundred marks. */
const MOST_MARKS = 8_192;
/** Marks over all runners, at some 200 bytes each. */
const MOST_MARKS_IN_ALL = 1_000_000;
/** Asking one memory takes about as long as telling so many of a mark. */
const CROWDED = 4;
/** Owners that are looked at to find a few that will do. */
const MOST_VISITS = 12;
/** Models whose runners share what they learn; beyond, those unused longest start anew. */
const MOST_MODELS = 4_096;

/** What was believed about a prompt when it was looked up: kept with the request, and compared with what came of it. */
export interface Claim {
  readonly kind: ReuseKind;
  /** Sequences that the runner has worked on since; 8 = eight or more. */
  readonly depth: number;
  /** Bytes of the prompt that the runner has seen, whether it still remembers them or not; > 0. */
  readonly knownBytes: number;
}

/** For people. */
export interface MemoryEstimates {
  readonly sequences: number;
  readonly marks: number;
  /** Bytes of the prompts and answers, what they share counted for each. */
  readonly bytes: number;
  /** ms since the newest was sent; undefined where there is none. */
  readonly ageMs: number | undefined;
  readonly trust: readonly TrustEstimate[];
}

/** Finds which runners remember the beginning of a prompt (routing-science: prefix index). */
export class Prefixes implements PrefixIndex {
  readonly #table = new MarkTable();
  /** Over all runners, oldest first. */
  readonly #sequences = new Set<Sequence>();
  readonly #pools = new RecentMap(MOST_MODELS, () => new TrustTable());
  readonly #mostMarks: number;

  /** @param mostMarks bound on the marks over all runners, ≥ 1 */
  constructor(mostMarks = MOST_MARKS_IN_ALL) {
    this.#mostMarks = mostMarks;
  }

  /** Marks that are remembered over all runners. */
  get marks(): number {
    return this.#table.size;
  }

  /** The memory of one more runner of `model`. Whoever gives the runner up calls `flush`, and no trace is left here. */
  memory(model: string): LearnedMemory {
    return new LearnedMemory(this.#table, this.#sequences, this.#mostMarks, new TrustTable(this.#pools.use(model)));
  }

  look(marks: readonly PrefixMark[], promptBytes: number, at: number): void {
    this.#table.look(marks, promptBytes, at);
  }

  /**
   * The same where only some of the memories matter. Where many more remember the beginning of the prompt, because it is
   * everybody's system prompt, these are asked one by one: O(memories · log marks) instead of O(owners).
   */
  lookFor(memories: readonly LearnedMemory[], marks: readonly PrefixMark[], promptBytes: number, at: number): void {
    if (this.#table.crowd(marks) <= CROWDED * memories.length) {
      this.#table.look(marks, promptBytes, at);
      return;
    }
    this.#table.begin(promptBytes, at);
    for (const memory of memories) memory.seek(marks);
  }

  /**
   * Shows memories that hold the longest marks of a prompt, until `visit` has had enough: it gives back false then. Ends
   * by itself after a bounded number, however many remember the beginning.
   */
  owners(marks: readonly PrefixMark[], visit: (memory: LearnedMemory) => boolean): void {
    this.#table.owners(marks, MOST_VISITS, (owner) => !(owner instanceof LearnedMemory) || visit(owner));
  }
}

/**
 * What one runner should remember: the prompts it was sent, newest first, and how far that has proved right. Prompts are
 * known by their marks alone.
 */
export class LearnedMemory implements PromptMemory, MarkOwner {
  readonly id: number;
  lookedUp = 0;
  found: Holding | undefined;
  /** Whose it is; set by the runner. */
  runner: RunnerFacts | undefined;

  readonly #table: MarkTable;
  readonly #all: Set<Sequence>;
  readonly #mostMarksInAll: number;
  readonly #trust: TrustTable;
  readonly #holdings = new MarkMap<Holding>();
  /** Newest last. */
  readonly #sequences: Sequence[] = [];

  /** Made by `Prefixes.memory`. */
  constructor(table: MarkTable, all: Set<Sequence>, mostMarksInAll: number, trust: TrustTable) {
    this.#table = table;
    this.#all = all;
    this.#mostMarksInAll = mostMarksInAll;
    this.#trust = trust;
    this.id = table.nextOwnerId();
  }

  get expectedBytes(): number {
    const holding = this.#found();
    if (holding === undefined) return 0;
    return this.#trust.trust(this.#kind(holding), this.#depth(holding), this.#table.lookedAt) * this.#known(holding);
  }

  /** What is believed about the prompt looked up last; undefined = this runner has not seen its beginning. */
  get claim(): Claim | undefined {
    const holding = this.#found();
    if (holding === undefined) return undefined;
    const knownBytes = this.#known(holding);
    return knownBytes > 0 ? { kind: this.#kind(holding), depth: this.#depth(holding), knownBytes } : undefined;
  }

  /** Looks for a prompt here alone, after `MarkTable.begin`: whoever remembers a mark remembers the shorter ones too. */
  seek(marks: readonly PrefixMark[]): void {
    let found = this.#holdingOf(marks[marks.length - 1]);
    let low = found === undefined ? 0 : marks.length;
    let high = marks.length - 2;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const holding = this.#holdingOf(marks[middle]);
      if (holding === undefined) high = middle - 1;
      else {
        found = holding;
        low = middle + 1;
      }
    }
    this.found = found;
    this.lookedUp = this.#table.looks;
  }

  /** @param cachedShare 0…1 of the claim's `knownBytes` that the server did not read again */
  learned({ kind, depth, knownBytes }: Claim, cachedShare: number, at: number): void {
    if (Number.isNaN(cachedShare) || !(knownBytes > 0)) return;
    this.#trust.learn(kind, depth, knownBytes, Math.min(1, Math.max(0, cachedShare)), at);
  }

  /** A request with this prompt is sent to the runner: from now on it is taken for the one remembered best. */
  remember(marks: readonly PrefixMark[], at: number): void {
    if (marks.length === 0 || marks.length > MOST_MARKS) return;
    const sequence: Sequence = {
      home: this,
      holdings: [],
      answerBytes: 0,
      at,
      earlierMarks: 0,
      earlierAnswerBytes: 0,
    };
    let last: Holding | undefined;
    for (const mark of marks) {
      last = this.#hold(mark);
      last.uses++;
      last.newest = sequence;
      sequence.holdings.push(last);
      const earlier = last.ends;
      if (earlier === undefined) continue;
      sequence.earlierMarks = sequence.holdings.length;
      sequence.earlierAnswerBytes = earlier.answerBytes;
      this.drop(earlier);
    }
    if (last !== undefined) last.ends = sequence;
    this.#sequences.push(sequence);
    this.#all.add(sequence);
    this.#bound();
  }

  /** The request with this prompt came to its end: the runner remembers what it wrote, too. */
  answered(marks: readonly PrefixMark[], answerBytes: number): void {
    const sequence = this.#endingWith(marks);
    if (sequence === undefined) return;
    sequence.answerBytes = Math.max(0, answerBytes);
    sequence.earlierMarks = 0;
  }

  /** The request with this prompt failed before the runner had read it: it remembers what it did before. */
  forget(marks: readonly PrefixMark[]): void {
    const sequence = this.#endingWith(marks);
    if (sequence === undefined) return;
    const { holdings, earlierMarks, earlierAnswerBytes } = sequence;
    const end = holdings[earlierMarks - 1];
    // Where another request has ended in the meantime there is nothing to give back.
    if (end === undefined || (end.ends !== undefined && end.ends !== sequence)) {
      this.drop(sequence);
      return;
    }
    this.#release(sequence, earlierMarks);
    end.ends = sequence;
    sequence.answerBytes = earlierAnswerBytes;
    sequence.earlierMarks = 0;
  }

  /** The runner is gone, and all it remembered with it. What was learned about trust stays. */
  flush(): void {
    for (const sequence of this.#sequences) this.#all.delete(sequence);
    for (const holding of this.#holdings.values()) this.#table.remove(holding);
    this.#sequences.length = 0;
    this.#holdings.clear();
    this.found = undefined;
  }

  /** Takes one sequence out. Called from here and, for another runner's sake, where marks over all are too many. */
  drop(sequence: Sequence): void {
    const index = this.#sequences.indexOf(sequence);
    if (index < 0) return;
    this.#sequences.splice(index, 1);
    this.#all.delete(sequence);
    this.#release(sequence, 0);
  }

  estimates(at: number): MemoryEstimates {
    let bytes = 0;
    for (const { holdings, answerBytes } of this.#sequences) bytes += (holdings.at(-1)?.bytes ?? 0) + answerBytes;
    const newest = this.#sequences.at(-1);
    return {
      sequences: this.#sequences.length,
      marks: this.#holdings.size,
      bytes,
      ageMs: newest === undefined ? undefined : Math.max(0, at - newest.at),
      trust: this.#trust.estimates(at),
    };
  }

  #found(): Holding | undefined {
    // Since the look-up another request may have pushed out what it found.
    return this.lookedUp === this.#table.looks && (this.found?.uses ?? 0) > 0 ? this.found : undefined;
  }

  #kind({ ends, bytes }: Holding): ReuseKind {
    // The same prompt once more is not a continuation: the runner has its answer behind it and must go back.
    return ends !== undefined && bytes < this.#table.promptBytes ? 'continuation' : 'partial';
  }

  #depth({ newest }: Holding): number {
    const last = this.#sequences.length - 1;
    for (let depth = 0; depth < DEEPEST && depth <= last; depth++) {
      if (this.#sequences[last - depth] === newest) return depth;
    }
    return DEEPEST;
  }

  #known({ bytes, ends }: Holding): number {
    return Math.min(this.#table.promptBytes, bytes + (ends?.answerBytes ?? 0));
  }

  #hold(mark: PrefixMark): Holding {
    let holding = this.#holdings.get(mark.hash);
    if (holding === undefined) {
      holding = this.#table.add(mark, this);
      this.#holdings.set(holding);
    }
    return holding;
  }

  #holdingOf(mark: PrefixMark | undefined): Holding | undefined {
    return mark === undefined ? undefined : this.#holdings.get(mark.hash);
  }

  #endingWith(marks: readonly PrefixMark[]): Sequence | undefined {
    const last = marks.at(-1);
    return last === undefined ? undefined : this.#holdings.get(last.hash)?.ends;
  }

  /** Cuts a sequence to its first `keep` marks. */
  #release(sequence: Sequence, keep: number): void {
    const { holdings } = sequence;
    const last = holdings.at(-1);
    if (last?.ends === sequence) last.ends = undefined;
    for (let i = holdings.length - 1; i >= keep; i--) {
      const holding = holdings[i];
      if (holding === undefined) continue;
      holding.uses--;
      if (holding.uses === 0) {
        this.#table.remove(holding);
        this.#holdings.delete(holding.hash);
      } else if (holding.newest === sequence) {
        holding.newest = this.#sequences.findLast((other) => other !== sequence && contains(other, holding));
      }
    }
    holdings.length = keep;
  }

  #bound(): void {
    while (this.#sequences.length > MOST_SEQUENCES || this.#holdings.size > MOST_MARKS) {
      const [oldest] = this.#sequences;
      if (oldest === undefined) break;
      this.drop(oldest);
    }
    while (this.#table.size > this.#mostMarksInAll) {
      const oldest = this.#all.values().next().value;
      if (oldest === undefined) break;
      oldest.home.drop(oldest);
    }
  }
}
