import type { Exemplar, MetricFamily, MetricSample } from './openmetrics.ts';

/**
 * Counters and histograms for the request path. prom-client checks, sorts and hashes label objects at each count, and
 * allocates several on the way; here a count is a look-up by the label values and an addition, and the objects that
 * prom-client prints are made when somebody scrapes.
 */
/** Stands between label values in a key: no value of ours holds it. */
const BETWEEN = '\u0000';

interface Described {
  readonly name: string;
  readonly help: string;
  /** In the order in which values are given. */
  readonly labels: readonly string[];
  readonly register: (metric: Printable) => void;
}

/** Label values in the order of the names; '' counts as a value. */
type Values = readonly string[];

/** Children by their label values; what asks for one mostly asks for the one it had last. */
class Children<Child> {
  readonly #byKey = new Map<string, Child>();
  readonly #create: (values: Values) => Child;

  constructor(create: (values: Values) => Child) {
    this.#create = create;
  }

  of(a: string, b?: string, c?: string, d?: string, e?: string): Child {
    let key = a;
    if (b !== undefined) key += BETWEEN + b;
    if (c !== undefined) key += BETWEEN + c;
    if (d !== undefined) key += BETWEEN + d;
    if (e !== undefined) key += BETWEEN + e;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const created = this.#create(key.split(BETWEEN));
    this.#byKey.set(key, created);
    return created;
  }

  all(): IterableIterator<Child> {
    return this.#byKey.values();
  }
}

type Labels = Readonly<Record<string, string>>;

const labelled = (names: readonly string[], values: Values): Labels =>
  Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));

/** Whose value it is that a histogram is given: a request that has ended. */
export interface Whose {
  readonly id: string;
  /** Wall time of its arrival, ISO 8601. */
  readonly time: string;
  readonly totalMs: number;
}

/** What a registry prints; prom-client's own text leaves exemplars out. */
export interface Printable {
  readonly name: string;
  get(): MetricFamily;
}

class Count {
  readonly labels: Labels;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }
}

/** A counter with up to five labels. Without labels it is 0 from the start on, as prom-client's is. */
export class FastCounter implements Printable {
  readonly name: string;
  readonly #help: string;
  readonly #children: Children<Count>;

  constructor({ name, help, labels, register }: Described) {
    this.name = name;
    this.#help = help;
    this.#children = new Children((values) => new Count(labels.length === 0 ? {} : labelled(labels, values)));
    if (labels.length === 0) this.#children.of('');
    register(this);
  }

  /** @param by ≥ 0 */
  add(by: number, a = '', b?: string, c?: string, d?: string, e?: string): void {
    this.#children.of(a, b, c, d, e).value += by;
  }

  /** For prom-client. */
  get(): MetricFamily {
    const values = Array.from(this.#children.all(), ({ labels, value }) => ({ labels, value }));
    return { name: this.name, help: this.#help, type: 'counter', values };
  }
}

/** What is handed values one by one. */
export interface Observer {
  /** @param value finite; anything else is not counted, since one of them would spoil the sum for good */
  observe(value: number): void;
}

/** The last request of each bucket. */
class Witnesses {
  readonly #ids: string[];
  readonly #times: string[];
  readonly #totals: Float64Array;
  readonly #values: Float64Array;

  constructor(buckets: number) {
    this.#ids = Array.from({ length: buckets }, () => '');
    this.#times = Array.from({ length: buckets }, () => '');
    this.#totals = new Float64Array(buckets);
    this.#values = new Float64Array(buckets);
  }

  keep(bucket: number, value: number, { id, time, totalMs }: Whose): void {
    this.#ids[bucket] = id;
    this.#times[bucket] = time;
    this.#totals[bucket] = totalMs;
    this.#values[bucket] = value;
  }

  of(bucket: number): Exemplar | undefined {
    const requestId = this.#ids[bucket] ?? '';
    if (requestId === '') return undefined;
    // When it ended, since a scraper takes those of one bucket in rising order only.
    const timestamp = (Date.parse(this.#times[bucket] ?? '') + (this.#totals[bucket] ?? 0)) / 1000;
    return { requestId, value: this.#values[bucket] ?? 0, timestamp };
  }
}

class Spread implements Observer {
  readonly labels: Labels;
  readonly counts: Float64Array;
  readonly #bounds: readonly number[];
  sum = 0;
  count = 0;
  witnesses: Witnesses | undefined;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number, whose?: Whose): void {
    if (!Number.isFinite(value)) return;
    this.sum += value;
    this.count++;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket++;
    if (bucket < bounds.length) this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    if (whose !== undefined) (this.witnesses ??= new Witnesses(bounds.length + 1)).keep(bucket, value, whose);
  }
}

/** Bounds are written as OpenMetrics has them in either format, so that `le` is the same whichever a scraper asks for. */
const boundText = (bound: number): string => (Number.isInteger(bound) ? `${bound}.0` : String(bound));

/** A histogram with up to five labels. */
export class FastHistogram implements Printable {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #children: Children<Spread>;

  /** @param described.buckets upper bounds, rising; the one of infinity is added */
  constructor({ name, help, labels, register, buckets }: Described & { readonly buckets: readonly number[] }) {
    this.name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#children = new Children((values) => new Spread(labels.length === 0 ? {} : labelled(labels, values), buckets));
    if (labels.length === 0) this.#children.of('');
    register(this);
  }

  /** @param value as of `Observer` */
  observe(value: number, a = '', b?: string, c?: string): void {
    this.#children.of(a, b, c).observe(value);
  }

  /** Keeps too whose value it was, one for each bucket. @param value as of `Observer` */
  observeOf(whose: Whose, value: number, a = '', b?: string, c?: string): void {
    this.#children.of(a, b, c).observe(value, whose);
  }

  /** For whoever has many values with the same labels. */
  observer(a = '', b?: string, c?: string): Observer {
    return this.#children.of(a, b, c);
  }

  /** For prom-client. */
  get(): MetricFamily {
    const values: MetricSample[] = [];
    const bounds = this.#bounds.map(boundText);
    const metricName = `${this.name}_bucket`;
    for (const { labels, counts, sum, count, witnesses } of this.#children.all()) {
      const bucket = (index: number, le: string, value: number): void => {
        const exemplar = witnesses?.of(index);
        values.push({ labels: { le, ...labels }, value, metricName, ...(exemplar === undefined ? {} : { exemplar }) });
      };
      let below = 0;
      for (const [index, le] of bounds.entries()) {
        below += counts[index] ?? 0;
        bucket(index, le, below);
      }
      bucket(bounds.length, '+Inf', count);
      values.push({ labels, value: sum, metricName: `${this.name}_sum` });
      values.push({ labels, value: count, metricName: `${this.name}_count` });
    }
    return { name: this.name, help: this.#help, type: 'histogram', values };
  }
}
