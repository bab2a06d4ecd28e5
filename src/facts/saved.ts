/** Learned facts that were saved do not have the shape they must have. `path` says where, as in `runners[3].model`. */
export class SavedFactsError extends Error {
  override readonly name = 'SavedFactsError';
  readonly path: string;

  constructor(path: string, expected: string, found: unknown) {
    super(`cannot restore learned facts: ${path} must be ${expected}, found ${show(found)}; nothing was changed`);
    this.path = path;
  }
}

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(value);
};

/** A value out of saved JSON with the path that leads to it. Every read checks and throws `SavedFactsError`. */
export class Saved {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  /** As it came, for a reader of its own. */
  get value(): unknown {
    return this.#value;
  }

  /** Whether null stands here, which means that nothing was known. */
  get absent(): boolean {
    return this.#value === null;
  }

  field(name: string): Saved {
    if (typeof this.#value !== 'object' || this.#value === null || Array.isArray(this.#value))
      throw new SavedFactsError(this.#path, 'an object', this.#value);
    return new Saved((this.#value as Readonly<Record<string, unknown>>)[name], `${this.#path}.${name}`);
  }

  list(): readonly Saved[] {
    if (!Array.isArray(this.#value)) throw new SavedFactsError(this.#path, 'a list', this.#value);
    return this.#value.map((item, i) => new Saved(item, `${this.#path}[${i}]`));
  }

  text(): string {
    if (typeof this.#value !== 'string') throw new SavedFactsError(this.#path, 'a string', this.#value);
    return this.#value;
  }

  flag(): boolean {
    if (typeof this.#value !== 'boolean') throw new SavedFactsError(this.#path, 'true or false', this.#value);
    return this.#value;
  }

  /** A finite number. */
  number(): number {
    if (typeof this.#value !== 'number' || !Number.isFinite(this.#value))
      throw new SavedFactsError(this.#path, 'a finite number', this.#value);
    return this.#value;
  }

  /** A finite number ≥ 0. */
  amount(): number {
    const value = this.number();
    if (value < 0) throw new SavedFactsError(this.#path, 'a number of 0 or more', value);
    return value;
  }

  /** A whole number within the bounds, both included. */
  whole(least: number, most: number): number {
    const value = this.number();
    if (!Number.isInteger(value) || value < least || value > most)
      throw new SavedFactsError(this.#path, `a whole number from ${least} to ${most}`, value);
    return value;
  }

  /** The `version` field must be the one that can be read. */
  version(version: number): void {
    const found = this.field('version');
    if (found.#value !== version)
      throw new SavedFactsError(found.#path, `${version}, the only version this release reads`, found.#value);
  }
}
