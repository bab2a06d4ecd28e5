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

/** One line of the text, as prom-client takes it. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** What prom-client's registry asks of a metric when it is scraped. */
interface Printed {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly values: readonly Sample[];
}

/** What a registry prints. */
export interface Printable {
  readonly name: string;
  get(): Printed;
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
  get(): Printed {
    const values = Array.from(this.#children.all(), ({ labels, value }) => ({ labels, value }));
    return { name: this.name, help: this.#help, type: 'counter', values };
  }
}

class Spread {
  readonly labels: Labels;
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(labels: Labels, bounds: number) {
    this.labels = labels;
    this.counts = new Float64Array(bounds);
  }
}

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
    this.#children = new Children(
      (values) => new Spread(labels.length === 0 ? {} : labelled(labels, values), buckets.length),
    );
    if (labels.length === 0) this.#children.of('');
    register(this);
  }

  /** @param value finite; anything else is not counted, since one of them would spoil the sum for good */
  observe(value: number, a = '', b?: string, c?: string): void {
    if (!Number.isFinite(value)) return;
    const spread = this.#children.of(a, b, c);
    spread.sum += value;
    spread.count++;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value > (bounds[i] ?? Infinity)) continue;
      spread.counts[i] = (spread.counts[i] ?? 0) + 1;
      return;
    }
  }

  /** For prom-client. */
  get(): Printed {
    const values: Sample[] = [];
    for (const { labels, counts, sum, count } of this.#children.all()) {
      let below = 0;
      for (let i = 0; i < this.#bounds.length; i++) {
        below += counts[i] ?? 0;
        values.push({
          labels: { le: this.#bounds[i] ?? 0, ...labels },
          value: below,
          metricName: `${this.name}_bucket`,
        });
      }
      values.push({ labels: { le: '+Inf', ...labels }, value: count, metricName: `${this.name}_bucket` });
      values.push({ labels, value: sum, metricName: `${this.name}_sum` });
      values.push({ labels, value: count, metricName: `${this.name}_count` });
    }
    return { name: this.name, help: this.#help, type: 'histogram', values };
  }
}
