import { hash32 } from '../../src/sim/model/hash.ts';

/** Events that are shown when something does not hold. */
const SHOWN = 50;

/** What happened last, and a digest of all that ever did: equal digests mean that two runs went alike, event by event. */
export class Journal {
  readonly counts = new Map<string, number>();
  readonly #last: string[] = [];
  readonly #exact: boolean;
  #digest = 17;
  #noted = 0;

  /** @param exact keeps the digest, which costs a pass over every line */
  constructor(exact: boolean) {
    this.#exact = exact;
  }

  /** @param at ms of virtual time */
  note(at: number, text: string): void {
    const line = `${at.toFixed(1)} ${text}`;
    this.#last[this.#noted++ % SHOWN] = line;
    if (this.#exact) this.#digest = hash32(line, this.#digest);
  }

  /** One more of a kind of event, for the summary. */
  count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  get digest(): number {
    return this.#digest;
  }

  /** The last lines, oldest first. */
  last(): readonly string[] {
    const from = this.#noted % SHOWN;
    return [...this.#last.slice(from), ...this.#last.slice(0, from)];
  }
}
