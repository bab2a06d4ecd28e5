/**
 * Several progress streams (pull, push, create) as one that a client of a single server shows rightly. Pure: lines in,
 * lines out.
 *
 * The CLI draws a bar per `digest`, with the `total` of the first line that names it, and a spinner for every other
 * status (Ollama cmd/cmd.go, PullHandler). So a digest's total is fixed by its first report (all parts move the same
 * bytes), `completed` adds up over the parts and never falls, and a status without numbers comes once, when the last
 * part that is still alive has reached it. A part that is over holds no bar back: what the others move stands for it.
 */
export type Line = Readonly<Record<string, unknown>>;

/** How one part ended. */
export type PartEnd = { readonly ok: true } | { readonly ok: false; readonly error: string };

interface Bar {
  /** The latest line about it, for its other members. */
  line: Line;
  readonly total: number;
  readonly completed: Map<string, number>;
  shown: number;
}

/** A model has about ten layers and a job about ten steps; a stream that names more than this is not listened to. */
const MAX_NAMES = 1_000;

export class MergedProgress {
  readonly #parts: readonly string[];
  readonly #ends = new Map<string, PartEnd>();
  readonly #bars = new Map<string, Bar>();
  /** Statuses without numbers in the order of their first report, with the parts that have reached each. */
  readonly #statuses = new Map<string, Set<string>>();
  readonly #shownStatuses = new Set<string>();

  /** @param parts names of the backends that work on it, at least one */
  constructor(parts: readonly string[]) {
    this.#parts = parts;
  }

  /** A line of one part; gives the lines that may be shown now. `success` and errors are held for `end`. */
  line(part: string, line: Line): readonly Line[] {
    const { status, digest, total, completed } = line;
    if (typeof status !== 'string' || status === 'success') return [];
    // Of one server every line is shown as it came.
    if (this.#parts.length === 1) return [line];
    if (typeof digest === 'string' && typeof total === 'number') {
      return this.#bar(part, line, digest, total, typeof completed === 'number' ? completed : 0);
    }
    const reached = this.#statuses.get(status) ?? new Set<string>();
    if (reached.size === 0 && this.#statuses.size >= MAX_NAMES) return [];
    this.#statuses.set(status, reached.add(part));
    return this.#due();
  }

  /** A part is over; gives the lines that may be shown now, the last ones when all are over. */
  end(part: string, end: PartEnd): readonly Line[] {
    if (this.#ends.has(part)) return [];
    this.#ends.set(part, end);
    const due = [...this.#moved(), ...this.#due()];
    return this.#ends.size < this.#parts.length ? due : [...due, ...this.#last()];
  }

  #bar(part: string, line: Line, digest: string, total: number, completed: number): readonly Line[] {
    const known = this.#bars.get(digest);
    if (known === undefined && this.#bars.size >= MAX_NAMES) return [];
    const bar = known ?? {
      line,
      total: total * this.#parts.length,
      completed: new Map<string, number>(),
      shown: -1,
    };
    bar.line = line;
    this.#bars.set(digest, bar);
    bar.completed.set(part, Math.max(completed, bar.completed.get(part) ?? 0));
    return this.#show(bar);
  }

  /** The bars that an end has moved, unless nobody is left to finish them. */
  #moved(): readonly Line[] {
    const anyAlive = this.#parts.some((part) => this.#ends.get(part)?.ok !== false);
    return anyAlive ? [...this.#bars.values()].flatMap((bar) => this.#show(bar)) : [];
  }

  #show(bar: Bar): readonly Line[] {
    const completed = this.#completed(bar);
    if (completed <= bar.shown) return [];
    bar.shown = completed;
    return [{ ...bar.line, total: bar.total, completed }];
  }

  /** What the parts have moved of a bar; a failed one counts for as much as the others have on average. */
  #completed({ total, completed }: Bar): number {
    const each = total / this.#parts.length;
    let sum = 0;
    let counted = 0;
    for (const part of this.#parts) {
      const end = this.#ends.get(part);
      if (end?.ok === false) continue;
      counted++;
      // A part that succeeded without a word about this layer had no need of it.
      sum += end?.ok === true ? each : Math.min(each, completed.get(part) ?? 0);
    }
    return counted === 0 ? 0 : Math.round((sum / counted) * this.#parts.length);
  }

  /** Statuses that every part still alive has reached. */
  #due(): readonly Line[] {
    const due: Line[] = [];
    for (const [status, reached] of this.#statuses) {
      if (this.#shownStatuses.has(status)) continue;
      const waiting = this.#parts.some((part) => !reached.has(part) && this.#ends.get(part) === undefined);
      if (waiting) continue;
      this.#shownStatuses.add(status);
      due.push({ status });
    }
    return due;
  }

  /** The outcome: an error when all failed, else success, after one line that names the parts that failed. */
  #last(): readonly Line[] {
    const failed = this.#parts.flatMap((part) => {
      const end = this.#ends.get(part);
      return end?.ok === false ? [{ part, error: end.error }] : [];
    });
    if (failed.length === 0) return [{ status: 'success' }];
    if (failed.length < this.#parts.length) {
      const done = this.#parts.filter((part) => this.#ends.get(part)?.ok === true);
      return [{ status: partialText('done', done, failed) }, { status: 'success' }];
    }
    return [{ error: failureText(failed) }];
  }
}

/** A part that failed, with its server's reason. */
export interface FailedPart {
  readonly part: string;
  readonly error: string;
}

/** One sentence for what succeeded and what did not: `deleted on a, c; failed on b (disk full)`. */
export const partialText = (verb: string, done: readonly string[], failed: readonly FailedPart[]): string => {
  const named = failed.map(({ part, error }) => `${part} (${error})`).join(', ');
  return `${verb} on ${done.join(', ')}; failed on ${named}`;
};

/** Why all parts failed: the one reason when they agree, else each with its name. At least one. */
export const failureText = (failed: readonly FailedPart[]): string => {
  const [first] = failed;
  const alike = failed.every(({ error }) => error === first?.error);
  return alike ? (first?.error ?? '') : failed.map(({ part, error }) => `${part}: ${error}`).join('; ');
};
