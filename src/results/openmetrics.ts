/** The content type of OpenMetrics 1.0. */
export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const MEDIA_TYPE = 'application/openmetrics-text';
/** OpenMetrics 1.0, Exemplars: names and values of the labels together, in characters. */
const MAX_EXEMPLAR_CHARS = 128;
const EXEMPLAR_LABEL = 'request_id';

/** A request whose value fell into a bucket. */
export interface Exemplar {
  readonly requestId: string;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** One line of the text. */
export interface MetricSample {
  /** prom-client leaves them out where there are none. */
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the name of the family. */
  readonly metricName?: string;
  /** null is prom-client's way to say that there is none. */
  readonly exemplar?: Exemplar | null;
}

/** A metric with all that it counts at this moment. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly MetricSample[];
}

/** Weight of one range of an `Accept` header (RFC 9110 §12.4.2); 0 where it is not a number. */
const weightOf = (parameters: readonly string[]): number => {
  const q = parameters.find((one) => one.startsWith('q='));
  return q === undefined ? 1 : Number(q.slice(2)) || 0;
};

/**
 * Whether a scraper would have OpenMetrics rather than the plain text: it names it, with no lesser weight than
 * `text/plain`. A wildcard alone is no such wish, since what sends one is mostly a person with a browser or curl.
 */
export const wantsOpenMetrics = (accept: string | undefined): boolean => {
  let open = 0;
  let plain = 0;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    if (type === MEDIA_TYPE) open = Math.max(open, weightOf(parameters));
    if (type === 'text/plain') plain = Math.max(plain, weightOf(parameters));
  }
  return open > 0 && open >= plain;
};

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

const numberText = (value: number): string =>
  value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);

/** Bounds of buckets are written with a point, so that each has one form only (OpenMetrics 1.0, Histogram). */
const labelText = (name: string, value: string | number): string => {
  const text = String(value);
  return `${name}="${name === 'le' && /^\d+$/.test(text) ? `${text}.0` : escaped(text)}"`;
};

const exemplarText = (exemplar: Exemplar | null | undefined): string => {
  if (exemplar === undefined || exemplar === null) return '';
  const { requestId, value, timestamp } = exemplar;
  if (EXEMPLAR_LABEL.length + requestId.length > MAX_EXEMPLAR_CHARS) return '';
  return ` # {${EXEMPLAR_LABEL}="${escaped(requestId)}"} ${numberText(value)} ${timestamp}`;
};

const withoutTotal = (name: string): string => name.replace(/_total$/, '');

/**
 * The text of OpenMetrics 1.0. It is ours because prom-client's renames the counters for good when it writes it, so that
 * the plain text is wrong from then on.
 */
export const openMetricsText = (families: Iterable<MetricFamily>): string => {
  const lines: string[] = [];
  for (const { name, help, type, values } of families) {
    const counter = type === 'counter';
    const family = counter ? withoutTotal(name) : name;
    lines.push(`# TYPE ${family} ${type}`, `# HELP ${family} ${escaped(help)}`);
    for (const { labels = {}, value, metricName = name, exemplar } of values) {
      const inside = Object.entries(labels).map(([label, each]) => labelText(label, each));
      const braces = inside.length === 0 ? '' : `{${inside.join(',')}}`;
      const sample = counter ? `${withoutTotal(metricName)}_total` : metricName;
      lines.push(`${sample}${braces} ${numberText(value)}${exemplarText(exemplar)}`);
    }
  }
  lines.push('# EOF', '');
  return lines.join('\n');
};
