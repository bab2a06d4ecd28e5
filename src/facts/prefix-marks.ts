import type { PrefixMark } from '../core/demand.ts';
import { MarkMap } from './mark-map.ts';
import type { Sequence } from './prefix-sequence.ts';

/** Whoever remembers marks: one runner. */
export interface MarkOwner {
  /** 32 bits that look random and are fixed for life: sets of owners are compared by the XOR of these. */
  readonly id: number;
  /** Number of the look-up that found it last, and the longest mark found then. Written by `MarkTable.look`. */
  lookedUp: number;
  found: Holding | undefined;
}

/** That one owner remembers one mark. The holdings of a mark form a list over its owners. */
export interface Holding {
  readonly hash: number;
  readonly bytes: number;
  readonly owner: MarkOwner;
  /** How many sequences of the owner contain it, and the newest of those. */
  uses: number;
  newest: Sequence | undefined;
  /** The sequence that ends here. There is at most one: a newer one that contains this mark replaces it. */
  ends: Sequence | undefined;
  previous: Holding | undefined;
  next: Holding | undefined;
}

/** The table is kept in so many parts, a power of two, so that growing one of them takes no time to speak of. */
const PARTS = 256;

/**
 * Prompts with so many marks may have some left out that others with the same beginning have, so that the owners of a
 * longer mark may lack a shorter one: there every mark is looked at.
 */
const MAYBE_THINNED = 400;

/** A set of owners as one number: how many they are, times this, and the XOR of their ids. */
const ONE_OWNER = 2 ** 32;

/** Which owners remember which marks, over all of them. */
export class MarkTable {
  /** Number of the last look-up; 0 before the first. */
  looks = 0;
  /** What the last look-up was about. */
  promptBytes = 0;
  lookedAt = 0;

  /** By mark: the first of its holdings, and as the note the set of all their owners. */
  readonly #parts = Array.from({ length: PARTS }, () => new MarkMap<Holding>());
  #size = 0;
  #owners = 0;

  /** Holdings in all: a mark counts once for each owner that remembers it. */
  get size(): number {
    return this.#size;
  }

  /** The id of a further owner. */
  nextOwnerId(): number {
    this.#owners++;
    return mixed(this.#owners);
  }

  /** Adds a mark that `owner` does not hold yet. O(1). */
  add({ hash, bytes }: PrefixMark, owner: MarkOwner): Holding {
    const part = this.#part(hash);
    const slot = part?.slot(hash) ?? -1;
    const next = part?.at(slot);
    const holding: Holding = {
      hash,
      bytes,
      owner,
      uses: 0,
      newest: undefined,
      ends: undefined,
      previous: undefined,
      next,
    };
    if (next !== undefined) next.previous = holding;
    part?.set(holding, withOwner(next === undefined ? 0 : part.note(slot), owner));
    this.#size++;
    return holding;
  }

  /** Takes a holding out. O(1). Call once per holding. */
  remove(holding: Holding): void {
    const { hash, owner, previous, next } = holding;
    const part = this.#part(hash);
    const slot = part?.slot(hash) ?? -1;
    const first = previous === undefined ? next : part?.at(slot);
    if (next !== undefined) next.previous = previous;
    if (previous !== undefined) previous.next = next;
    if (first === undefined) part?.delete(hash);
    else part?.set(first, withoutOwner(part.note(slot), owner));
    this.#size--;
  }

  /**
   * Writes into every owner that remembers the beginning of this prompt the longest mark it remembers. Goes from the
   * longest mark to the shortest. Whoever remembers a mark remembers the shorter ones too, so the owners only become more
   * on the way, and where two marks have the same ones those between need no look: O(log marks) for each set of owners,
   * and O(1) for each owner. Nothing is allocated.
   */
  look(marks: readonly PrefixMark[], promptBytes: number, at: number): void {
    this.begin(promptBytes, at);
    let found = 0;
    for (let i = marks.length - 1; i >= 0;) {
      const owners = this.#ownersAt(marks, i);
      if (owners !== 0 && owners !== found) found = this.#find(marks[i], found);
      i = marks.length < MAYBE_THINNED ? this.#lastWithOwners(marks, i, owners) - 1 : i - 1;
    }
  }

  /** A prompt is looked up owner by owner (`LearnedMemory.seek`): nobody has been told of it yet. */
  begin(promptBytes: number, at: number): void {
    this.looks++;
    this.promptBytes = promptBytes;
    this.lookedAt = at;
  }

  /** How many remember the beginning of a prompt, at least. O(1) */
  crowd(marks: readonly PrefixMark[]): number {
    return Math.floor(this.#ownersAt(marks, 0) / ONE_OWNER);
  }

  /**
   * Shows owners of a prompt's marks, those of the longest first and of one mark whoever came last, until `visit` has had
   * enough or so many were shown. One may be shown again for a shorter mark.
   */
  owners(marks: readonly PrefixMark[], most: number, visit: (owner: MarkOwner) => boolean): void {
    let left = most;
    let seen = 0;
    for (let i = marks.length - 1; i >= 0;) {
      const owners = this.#ownersAt(marks, i);
      const mark = marks[i];
      if (mark !== undefined && owners !== seen) {
        let holding = this.#part(mark.hash)?.get(mark.hash);
        for (; holding !== undefined; holding = holding.next) {
          if (!visit(holding.owner) || --left === 0) return;
        }
        seen = owners;
      }
      i = this.#lastWithOwners(marks, i, owners) - 1;
    }
  }

  /** Tells those owners of a mark that have not been told of a longer one. Returns all who have been told. */
  #find(mark: PrefixMark | undefined, before: number): number {
    let found = before;
    let holding = mark === undefined ? undefined : this.#part(mark.hash)?.get(mark.hash);
    for (; holding !== undefined; holding = holding.next) {
      const { owner } = holding;
      if (owner.lookedUp === this.looks) continue;
      owner.lookedUp = this.looks;
      owner.found = holding;
      found = withOwner(found, owner);
    }
    return found;
  }

  /** The least index down to which marks have the same owners as the one at `from`: by steps that double, then halve. */
  #lastWithOwners(marks: readonly PrefixMark[], from: number, owners: number): number {
    let last = from;
    let step = 1;
    while (last >= step && this.#ownersAt(marks, last - step) === owners) {
      last -= step;
      step *= 2;
    }
    for (step = Math.floor(step / 2); step > 0; step = Math.floor(step / 2)) {
      if (last >= step && this.#ownersAt(marks, last - step) === owners) last -= step;
    }
    return last;
  }

  /** The set of owners of a mark; 0 where there is none. */
  #ownersAt(marks: readonly PrefixMark[], index: number): number {
    const mark = marks[index];
    const part = mark === undefined ? undefined : this.#part(mark.hash);
    return mark === undefined || part === undefined ? 0 : part.note(part.slot(mark.hash));
  }

  #part(hash: number): MarkMap<Holding> | undefined {
    return this.#parts[hash & (PARTS - 1)];
  }
}

const idsOf = (owners: number): number => owners | 0;

const ownersOf = (count: number, ids: number): number => count * ONE_OWNER + (ids >>> 0);

const withOwner = (owners: number, { id }: MarkOwner): number =>
  ownersOf(Math.floor(owners / ONE_OWNER) + 1, idsOf(owners) ^ id);

const withoutOwner = (owners: number, { id }: MarkOwner): number =>
  ownersOf(Math.floor(owners / ONE_OWNER) - 1, idsOf(owners) ^ id);

/** Spreads a counter over 32 bits (the finalizer of MurmurHash3, by Austin Appleby, public domain). */
const mixed = (counter: number): number => {
  let h = counter;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
};
