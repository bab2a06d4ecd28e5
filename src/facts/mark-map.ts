/** Slots of a new map; a power of two. */
const FIRST_SLOTS = 16;
/** Stands for the hash in a slot that is free. No hash is negative. */
const FREE = -1;
/** Numbers per slot: the hash, and the note beside it, in one cache line. */
const WIDTH = 2;

/**
 * A map from 53-bit hashes to the values that carry them, with a number noted beside each: open addressing with linear
 * probing, at most half full, so that a look-up touches one cache line, and one more for the value if it is wanted. A
 * `Map` boxes such numbers: looking up prompts that nobody knows took six times as long with it.
 */
export class MarkMap<V extends { readonly hash: number }> {
  /** Hash and note of each slot. */
  #numbers = new Float64Array(WIDTH * FIRST_SLOTS).fill(FREE);
  #values: (V | undefined)[] = emptySlots(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of a hash, until the map changes; -1 where the hash is not in it. */
  slot(hash: number): number {
    const numbers = this.#numbers;
    const mask = this.#mask;
    for (let slot = home(hash) & mask; ; slot = (slot + 1) & mask) {
      const found = numbers[WIDTH * slot];
      if (found === hash) return slot;
      if (found === FREE) return -1;
    }
  }

  /** The value of a slot; undefined where there is no such slot. */
  at(slot: number): V | undefined {
    return slot < 0 ? undefined : this.#values[slot];
  }

  /** The note of a slot; 0 where there is no such slot. */
  note(slot: number): number {
    return slot < 0 ? 0 : (this.#numbers[WIDTH * slot + 1] ?? 0);
  }

  get(hash: number): V | undefined {
    const slot = this.slot(hash);
    return slot < 0 ? undefined : this.#values[slot];
  }

  /** Puts a value at its hash, in the place of one that is there. O(1), now and then O(size). */
  set(value: V, note = 0): void {
    if (this.#put(value, note)) this.#size++;
    if (2 * this.#size > this.#mask) this.#resize(2 * (this.#mask + 1));
  }

  /** Takes the value of a hash out; nothing happens where there is none. O(1), now and then O(size). */
  delete(hash: number): void {
    let hole = this.slot(hash);
    if (hole < 0) return;
    const numbers = this.#numbers;
    const mask = this.#mask;
    // Those behind move up, unless that would put them before the slot where looking for them begins (Knuth, 6.4 R).
    for (let slot = (hole + 1) & mask; numbers[WIDTH * slot] !== FREE; slot = (slot + 1) & mask) {
      const begins = home(numbers[WIDTH * slot] ?? FREE);
      if (((slot - begins) & mask) < ((slot - hole) & mask)) continue;
      numbers.copyWithin(WIDTH * hole, WIDTH * slot, WIDTH * slot + WIDTH);
      this.#values[hole] = this.#values[slot];
      hole = slot;
    }
    numbers[WIDTH * hole] = FREE;
    this.#values[hole] = undefined;
    this.#size--;
    if (this.#mask >= FIRST_SLOTS && 16 * this.#size < this.#mask) this.#resize((this.#mask + 1) / 4);
  }

  /** In no order. */
  *values(): Iterable<V> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  clear(): void {
    this.#size = 0;
    this.#allocate(FIRST_SLOTS);
  }

  #put(value: V, note: number): boolean {
    const numbers = this.#numbers;
    const { hash } = value;
    let slot = home(hash) & this.#mask;
    while (numbers[WIDTH * slot] !== FREE && numbers[WIDTH * slot] !== hash) slot = (slot + 1) & this.#mask;
    const isNew = numbers[WIDTH * slot] === FREE;
    numbers[WIDTH * slot] = hash;
    numbers[WIDTH * slot + 1] = note;
    this.#values[slot] = value;
    return isNew;
  }

  #resize(slots: number): void {
    const values = this.#values;
    const numbers = this.#numbers;
    this.#allocate(Math.max(FIRST_SLOTS, slots));
    values.forEach((value, slot) => {
      if (value !== undefined) this.#put(value, numbers[WIDTH * slot + 1] ?? 0);
    });
  }

  #allocate(slots: number): void {
    this.#numbers = new Float64Array(WIDTH * slots).fill(FREE);
    this.#values = emptySlots(slots);
    this.#mask = slots - 1;
  }
}

/** Not `Array.from`, which takes ten times as long: a runner's first prompt makes its map grow three times. */
const emptySlots = <V>(slots: number): (V | undefined)[] => {
  const empty: (V | undefined)[] = [];
  for (let slot = 0; slot < slots; slot++) empty.push(undefined);
  return empty;
};

/** Where looking for a hash begins, before the mask: its low 32 bits, spread (Knuth's multiplicative hashing). */
const home = (hash: number): number => Math.imul(hash | 0, 0x9e3779b1) >>> 8;
