import type { Attempt, AttemptEnd } from '../forward/attempt.ts';

/** What became of a second attempt: it answered, the first one did, neither did, or the client left before. */
export type HedgeResult = 'won' | 'lost' | 'failed' | 'left';

/** One end of a race, and whose it is. */
export interface Finish<P> {
  readonly place: P;
  readonly end: AttemptEnd;
}

export interface Finished<P> {
  readonly last: Finish<P>;
  readonly others: readonly Finish<P>[];
}

/** What became of the second attempt. @param first the place of the first one */
export const resultOf = <P>({ place, end }: Finish<P>, first: P): HedgeResult => {
  if (end.kind === 'failed' || end.kind === 'left') return end.kind;
  return place === first ? 'lost' : 'won';
};

type Racer = Pick<Attempt, 'clientLeft' | 'deadlinePassed'>;

/**
 * Up to two attempts for one request and its one answer. Whoever has the first byte for the client answers, and the other
 * one is stopped in that same moment, before the head goes out, and not blamed.
 */
export class Race<P> {
  readonly #racers: Racer[] = [];
  readonly #finished: Finish<P>[] = [];
  /** One of them has a byte for the client. */
  #answered = false;
  #second: Promise<void> | undefined;

  /** There are two. */
  get hedged(): boolean {
    return this.#second !== undefined;
  }

  /** An attempt begins. */
  enter(racer: Racer): void {
    this.#racers.push(racer);
  }

  /** It is about to answer. */
  answers(racer: Racer): void {
    this.#answered = true;
    for (const other of this.#racers) if (other !== racer) other.clientLeft();
  }

  clientLeft(): void {
    for (const racer of this.#racers) racer.clientLeft();
  }

  deadlinePassed(): void {
    for (const racer of this.#racers) racer.deadlinePassed();
  }

  /**
   * Runs the first attempt, and a second one if the first has no byte after so long.
   * @param second begins it; undefined where there is nobody to ask
   * @returns the end that decides: the answer, else the last failure
   */
  async run(
    place: P,
    first: Promise<AttemptEnd>,
    afterMs: number,
    second: () => { readonly place: P; readonly end: Promise<AttemptEnd> } | undefined,
  ): Promise<Finished<P>> {
    const timer = setTimeout(() => {
      const other = this.#answered || this.#finished.length > 0 ? undefined : second();
      if (other !== undefined) this.#second = this.#finish(other.place, other.end);
    }, afterMs);
    await this.#finish(place, first);
    clearTimeout(timer);
    await this.#second;
    // Whoever was stopped decides nothing, in whichever order they ended.
    const others = this.#finished.toSorted((a, b) => Number(a.end.kind !== 'left') - Number(b.end.kind !== 'left'));
    const last = others.pop() ?? { place, end: await first };
    return { last, others };
  }

  async #finish(place: P, end: Promise<AttemptEnd>): Promise<void> {
    this.#finished.push({ place, end: await end });
  }
}
