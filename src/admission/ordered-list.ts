/** Every level of the list holds one in four of the level below. */
const MAX_LEVELS = 12;

/** The place of an item in an `OrderedList`. */
export interface Slot<T> {
  readonly item: T;
  readonly key: number;
  /** Neighbours, level by level; level 0 has everybody. Empty once it was removed. */
  readonly next: (Slot<T> | undefined)[];
  readonly previous: (Slot<T> | undefined)[];
}

const empty = (height: number): undefined[] => (height === 1 ? [undefined] : Array.from<undefined>({ length: height }));

/**
 * Items by key, equal keys in the order in which they came. A skip list (Pugh, CACM 1990) with links both ways: O(log n)
 * to insert, O(1) to remove by slot (4/3 levels on average), and reading on from a slot is following `next[0]`.
 * Heights come from hashed counting, so that the same calls build the same list.
 */
export class OrderedList<T> {
  readonly #heads: (Slot<T> | undefined)[] = [];
  #inserted = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The item with the least key. */
  get first(): Slot<T> | undefined {
    return this.#heads[0];
  }

  /** Puts an item behind all whose key is not greater. */
  insert(item: T, key: number): Slot<T> {
    const height = this.#drawHeight();
    while (this.#heads.length < height) this.#heads.push(undefined);
    const slot: Slot<T> = { item, key, next: empty(height), previous: empty(height) };
    let before: Slot<T> | undefined;
    for (let level = this.#heads.length - 1; level >= 0; level--) {
      let after: Slot<T> | undefined = before === undefined ? this.#heads[level] : before.next[level];
      while (after !== undefined && after.key <= key) {
        before = after;
        after = before.next[level];
      }
      if (level < height) this.#link(slot, level, before, after);
    }
    this.#size++;
    return slot;
  }

  /** Takes an item out; once only. */
  remove(slot: Slot<T>): void {
    for (let level = slot.next.length - 1; level >= 0; level--) {
      const before = slot.previous[level];
      const after = slot.next[level];
      if (before === undefined) this.#heads[level] = after;
      else before.next[level] = after;
      if (after !== undefined) after.previous[level] = before;
    }
    // Whoever still holds the slot must not keep its old neighbours in memory.
    slot.next.length = 0;
    slot.previous.length = 0;
    this.#size--;
  }

  #link(slot: Slot<T>, level: number, before: Slot<T> | undefined, after: Slot<T> | undefined): void {
    slot.next[level] = after;
    slot.previous[level] = before;
    if (before === undefined) this.#heads[level] = slot;
    else before.next[level] = slot;
    if (after !== undefined) after.previous[level] = slot;
  }

  #drawHeight(): number {
    // The finaliser of MurmurHash3 (Appleby, public domain): the leading zeros of what comes out are as good as drawn.
    let hash = ++this.#inserted;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return Math.min(MAX_LEVELS, 1 + (Math.clz32(hash ^ (hash >>> 16)) >> 1));
  }
}
