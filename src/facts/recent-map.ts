/** A map with room for `most` keys; to make room it drops the key that was put in or used for writing longest ago. */
export class RecentMap<V> {
  readonly #most: number;
  readonly #create: () => V;
  readonly #items = new Map<string, V>();

  /** @param most keys, ≥ 1; @param create makes the value of a new key */
  constructor(most: number, create: () => V) {
    this.#most = most;
    this.#create = create;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Looks without using. O(1). */
  peek(key: string): V | undefined {
    return this.#items.get(key);
  }

  /** The value of the key, created if need be, as the one used last. O(1). */
  use(key: string): V {
    let value = this.#items.get(key);
    if (value !== undefined) this.#items.delete(key);
    else {
      value = this.#create();
      if (this.#items.size >= this.#most)
        for (const oldest of this.#items.keys()) {
          this.#items.delete(oldest);
          break;
        }
    }
    this.#items.set(key, value);
    return value;
  }

  /** Longest unused first. */
  entries(): Iterable<readonly [string, V]> {
    return this.#items.entries();
  }

  /** The keys as they are now, longest unused first, for walks during which the map is used. */
  keys(): readonly string[] {
    return [...this.#items.keys()];
  }

  clear(): void {
    this.#items.clear();
  }
}
