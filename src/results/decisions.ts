import { Outlook } from '../core/outlook.ts';
import type { Candidate } from '../core/types.ts';
import type { AttemptView, DecisionView, Observed } from './decision-shape.ts';
import { candidateViews, firstTokenMs, orLast, rounded, totalMs } from './decision-view.ts';

export type { CandidateView, DecisionView, ExplainAnswer, Observed, WhyAnswer } from './decision-shape.ts';
export type { Considered, Explained } from './decision-view.ts';
export { explainAnswer } from './decision-view.ts';

/** Requests kept unless told otherwise: at 20 candidates about 2 MB. */
const DEFAULT_SIZE = 1_000;
/** Candidates kept per decision: the best of them, and the chosen one wherever it ranked. */
const MOST_CANDIDATES = 32;
/** Attempts kept per request; more than any sane `retry.max_attempts`, so that a misbehaving pool cannot fill memory. */
const MOST_ATTEMPTS = 8;

/** The columns of an outlook that are numbers, in the order in which a row is stored. */
const COLUMNS = [
  'wait',
  'load',
  'prefill',
  'decode',
  'slowdown',
  'evict',
  'harm',
  'freshWork',
  'cached',
  'ready',
  'backlog',
  'slots',
  'slowFirst',
  'slowToken',
] as const satisfies readonly (keyof Outlook)[];
/** Behind the columns of the outlook. */
const COST = COLUMNS.length;
const SUCCESS_RATE = COST + 1;
const ROW = SUCCESS_RATE + 1;

/** One decision for one request, as the request path has it in its hands. Nothing of it is kept but copies. */
export interface DecisionInput {
  readonly id: string;
  /** Wall time, ms since 1970. */
  readonly time: number;
  /** As asked for. */
  readonly model: string;
  readonly strategy: string;
  readonly category: string;
  /** From 1; the same number again means that the request waited and was decided anew. */
  readonly attempt: number;
  /** At least one, in the order of the rows of `outlook`. */
  readonly candidates: readonly Candidate[];
  readonly outlook: Outlook;
  /** Index of the one it is sent to or waits for; −1 = none yet. */
  readonly chosen: number;
  /** What the strategy ranked by; asked for every candidate. */
  cost(index: number): number;
  /** 0…1; asked for the candidates that are kept. */
  successRate(index: number): number;
}

/** The last decision of one attempt; overwritten in place while the request waits. */
class Kept {
  attempt = 0;
  time = 0;
  decisions = 0;
  promptTokens = 0;
  outputTokens = 0;
  serviceMs = 0;
  pressure = 0;
  /** Row of the chosen one among those kept; −1 = none. */
  chosen = -1;
  leftOut = 0;
  size = 0;
  readonly ids: string[] = [];
  readonly backends: string[] = [];
  readonly models: string[] = [];
  rows = new Float32Array(0);
  firstBackend: string | undefined;
  firstWaitMs = 0;
  firstTokenMs = 0;
  firstTotalMs = 0;

  resize(size: number): void {
    this.size = size;
    this.ids.length = this.backends.length = this.models.length = size;
    if (size * ROW > this.rows.length) this.rows = new Float32Array(size * ROW);
  }
}

/** One request; used again for a later one when its turn in the ring is over. */
class Entry {
  id = '';
  model = '';
  strategy = '';
  category = '';
  attempts: Kept[] = [];
  dropped = 0;
  observed: Observed | undefined;
}

/**
 * How the last requests were decided, with every term of every candidate. Recording copies numbers into rows that are
 * used again and again; what people read is built when somebody asks. Memory is bounded: requests × attempts ×
 * candidates, 64 bytes each.
 */
export class Decisions {
  readonly #size: number;
  readonly #ring: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  #next = 0;
  readonly #kept = new Int32Array(MOST_CANDIDATES);
  readonly #keptCost = new Float64Array(MOST_CANDIDATES);
  /** Where stored rows are laid out when they are read. */
  readonly #outlook = new Outlook();

  /** @param size how many requests are kept, ≥ 1 */
  constructor(size: number = DEFAULT_SIZE) {
    this.#size = size;
  }

  /** Keeps a decision: a new one for its request, a new attempt of it, or the same attempt decided anew. */
  record(input: DecisionInput): void {
    const entry = this.#entryFor(input);
    const kept = keptFor(entry, input.attempt);
    const { outlook, candidates, chosen } = input;
    kept.decisions++;
    kept.time = input.time;
    kept.promptTokens = outlook.promptTokens;
    kept.outputTokens = outlook.outputTokens;
    kept.serviceMs = outlook.serviceMs;
    kept.pressure = outlook.pressure;
    if (kept.decisions === 1) {
      kept.firstBackend = candidates[chosen]?.backendId;
      kept.firstWaitMs = outlook.wait[chosen] ?? 0;
      kept.firstTokenMs = firstTokenMs(outlook, chosen);
      kept.firstTotalMs = totalMs(outlook, chosen);
    }
    const size = this.#select(input);
    kept.resize(size);
    kept.leftOut = candidates.length - size;
    kept.chosen = -1;
    for (let row = 0; row < size; row++) {
      const index = this.#kept[row] ?? 0;
      if (index === chosen) kept.chosen = row;
      const candidate = candidates[index];
      kept.ids[row] = candidate?.id ?? '';
      kept.backends[row] = candidate?.backendId ?? '';
      kept.models[row] = candidate?.model ?? '';
      this.#copyRow(kept.rows, row * ROW, outlook, index);
      kept.rows[row * ROW + COST] = this.#keptCost[row] ?? 0;
      kept.rows[row * ROW + SUCCESS_RATE] = input.successRate(index);
    }
  }

  /** The request ended. Does nothing for one that was never decided or is no longer kept. */
  observed(id: string, observed: Observed): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.observed = observed;
  }

  /** How the newest request of this id was decided. */
  get(id: string): DecisionView | undefined {
    const entry = this.#byId.get(id);
    return entry === undefined ? undefined : this.#view(entry);
  }

  /** The newest first. @param limit at most so many */
  last(limit: number): readonly DecisionView[] {
    const views: DecisionView[] = [];
    const { length } = this.#ring;
    for (let back = 1; back <= length && views.length < limit; back++) {
      const entry = this.#ring[(this.#next - back + length) % length];
      if (entry !== undefined) views.push(this.#view(entry));
    }
    return views;
  }

  /** The entry of a request, begun if there is none: of two requests with one id the newer one can be asked for. */
  #entryFor({ id, model, strategy, category, attempt }: DecisionInput): Entry {
    let entry = this.#byId.get(id);
    if (entry === undefined || entry.observed !== undefined || attempt < (entry.attempts.at(-1)?.attempt ?? 0)) {
      entry = this.#begin(id);
      entry.model = model;
      entry.category = category;
    }
    entry.strategy = strategy;
    return entry;
  }

  #begin(id: string): Entry {
    const entry = this.#ring[this.#next] ?? new Entry();
    if (this.#byId.get(entry.id) === entry) this.#byId.delete(entry.id);
    entry.id = id;
    // One attempt is kept for its arrays; the others were a matter of this request.
    entry.attempts.length = Math.min(entry.attempts.length, 1);
    const [spare] = entry.attempts;
    if (spare !== undefined) spare.attempt = 0;
    entry.dropped = 0;
    entry.observed = undefined;
    this.#ring[this.#next] = entry;
    this.#byId.set(id, entry);
    this.#next = (this.#next + 1) % this.#size;
    return entry;
  }

  /** Chooses which candidates are kept, into `#kept` with their costs. @returns how many */
  #select(input: DecisionInput): number {
    const { candidates, chosen } = input;
    const kept = this.#kept;
    const costs = this.#keptCost;
    const count = candidates.length;
    if (count <= MOST_CANDIDATES) {
      for (let i = 0; i < count; i++) {
        kept[i] = i;
        costs[i] = input.cost(i);
      }
      return count;
    }
    // The best 31 in order of cost, by insertion: past the first few, hardly any candidate is among them.
    const most = MOST_CANDIDATES - 1;
    let size = 0;
    for (let i = 0; i < count; i++) {
      if (i === chosen) continue;
      const own = orLast(input.cost(i));
      if (size === most && own >= (costs[most - 1] ?? 0)) continue;
      let place = size < most ? size++ : most - 1;
      while (place > 0 && (costs[place - 1] ?? 0) > own) {
        costs[place] = costs[place - 1] ?? 0;
        kept[place] = kept[place - 1] ?? 0;
        place--;
      }
      costs[place] = own;
      kept[place] = i;
    }
    if (chosen < 0) return size;
    kept[size] = chosen;
    costs[size] = input.cost(chosen);
    return size + 1;
  }

  /** Column by column as in `COLUMNS`; written out, because this runs for every candidate of every decision. */
  #copyRow(rows: Float32Array, from: number, outlook: Outlook, index: number): void {
    rows[from] = outlook.wait[index] ?? 0;
    rows[from + 1] = outlook.load[index] ?? 0;
    rows[from + 2] = outlook.prefill[index] ?? 0;
    rows[from + 3] = outlook.decode[index] ?? 0;
    rows[from + 4] = outlook.slowdown[index] ?? 0;
    rows[from + 5] = outlook.evict[index] ?? 0;
    rows[from + 6] = outlook.harm[index] ?? 0;
    rows[from + 7] = outlook.freshWork[index] ?? 0;
    rows[from + 8] = outlook.cached[index] ?? 0;
    rows[from + 9] = outlook.ready[index] ?? 0;
    rows[from + 10] = outlook.backlog[index] ?? 0;
    rows[from + 11] = outlook.slots[index] ?? 0;
    rows[from + 12] = outlook.slowFirst[index] ?? 0;
    rows[from + 13] = outlook.slowToken[index] ?? 0;
  }

  #view(entry: Entry): DecisionView {
    const { id, model, category, strategy, attempts, dropped, observed } = entry;
    return {
      id,
      model,
      category,
      strategy,
      attempts: attempts.map((kept) => this.#attemptView(kept)),
      droppedAttempts: dropped,
      observed: observed ?? null,
    };
  }

  #attemptView(kept: Kept): AttemptView {
    const { rows, size, firstBackend } = kept;
    const outlook = this.#outlook;
    outlook.resize(size);
    outlook.promptTokens = kept.promptTokens;
    outlook.outputTokens = kept.outputTokens;
    outlook.serviceMs = kept.serviceMs;
    outlook.pressure = kept.pressure;
    COLUMNS.forEach((column, offset) => {
      for (let row = 0; row < size; row++) outlook[column][row] = rows[row * ROW + offset] ?? 0;
    });
    const candidates = candidateViews({
      candidates: kept.ids.map((id, row) => ({
        id,
        backendId: kept.backends[row] ?? '',
        model: kept.models[row] ?? '',
      })),
      outlook,
      chosen: kept.chosen,
      cost: (row) => rows[row * ROW + COST] ?? 0,
      successRate: (row) => rows[row * ROW + SUCCESS_RATE] ?? 0,
    });
    return {
      attempt: kept.attempt,
      time: new Date(kept.time).toISOString(),
      decisions: kept.decisions,
      promptTokens: Math.round(kept.promptTokens),
      outputTokens: Math.round(kept.outputTokens),
      serviceMs: Math.round(kept.serviceMs),
      pressure: Math.round(kept.pressure * 100) / 100,
      atFirst:
        firstBackend === undefined
          ? null
          : {
              backend: firstBackend,
              waitMs: rounded(kept.firstWaitMs),
              firstTokenMs: rounded(kept.firstTokenMs),
              totalMs: rounded(kept.firstTotalMs),
            },
      candidates,
      leftOut: kept.leftOut,
    };
  }
}

/** Where the decision of this attempt is kept, fresh unless the attempt was decided before. */
const keptFor = (entry: Entry, attempt: number): Kept => {
  const { attempts } = entry;
  const last = attempts.at(-1);
  if (last?.attempt === attempt) return last;
  let kept: Kept | undefined;
  if (last?.attempt === 0) {
    kept = last;
  } else {
    if (attempts.length === MOST_ATTEMPTS) {
      kept = attempts.shift();
      entry.dropped++;
    }
    kept ??= new Kept();
    attempts.push(kept);
  }
  kept.attempt = attempt;
  kept.decisions = 0;
  return kept;
};
