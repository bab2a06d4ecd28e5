/** What goes wrong with a server between two times. */
export type ServerFault =
  /** The process is gone: what runs is cut, connects are refused. */
  | { readonly kind: 'kill' }
  /** Accepts and never answers; what runs stands still. */
  | { readonly kind: 'hang' }
  /** New requests take `factor` times as long. */
  | { readonly kind: 'slow'; readonly factor: number }
  /** Answers 500 after 50 ms, while its lists look healthy. */
  | { readonly kind: 'black-hole' }
  /** Breaks answers off with an error line shortly after the first token. */
  | { readonly kind: 'error'; readonly share: number }
  /** Answers 503 at once, as a full queue does. */
  | { readonly kind: 'busy' }
  /** `/api/ps` lists nothing, whatever is in memory. */
  | { readonly kind: 'lying-ps' }
  /** `/api/ps` shows what was true so many ms ago. */
  | { readonly kind: 'lagging-ps'; readonly lagMs: number }
  /** Somebody uses the server directly: single requests that the proxy never sees. */
  | { readonly kind: 'bypass'; readonly perSecond: number };

export interface ServerFaultSpan {
  readonly server: string;
  readonly from: number;
  /** Infinity = to the end. */
  readonly until: number;
  readonly fault: ServerFault;
}

export interface FaultPlan {
  readonly servers: readonly ServerFaultSpan[];
  /** Times at which the proxy is replaced: what the old one holds it ends, what arrives goes to one that knows nothing. */
  readonly restarts: readonly number[];
}

export const NO_FAULTS: FaultPlan = { servers: [], restarts: [] };

const MINUTE_MS = 60_000;
/** Half a period of a flapping server: down for so long, then up for so long. */
const FLAP_MS = 20_000;

/** Times in ms between which a schedule hits. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

/** One span for each of the first `count` servers. */
const onFirst = (
  servers: readonly string[],
  count: number,
  from: number,
  until: number,
  fault: ServerFault,
): readonly ServerFaultSpan[] => servers.slice(0, count).map((server) => ({ server, from, until, fault }));

/** Spans of downtime, one every two half periods. */
const flapping = (server: string, from: number, until: number): readonly ServerFaultSpan[] => {
  const spans: ServerFaultSpan[] = [];
  for (let at = from; at < until; at += 2 * FLAP_MS) {
    spans.push({ server, from: at, until: Math.min(at + FLAP_MS, until), fault: { kind: 'kill' } });
  }
  return spans;
};

/** Without a window it hits when its name says: from the fifth minute on. */
type Plan = (servers: readonly string[], window?: Window) => FaultPlan;

const spans =
  (count: number, minutes: readonly [number, number], fault: ServerFault): Plan =>
  (servers, window = { from: minutes[0] * MINUTE_MS, until: minutes[1] * MINUTE_MS }) => ({
    servers: onFirst(servers, count, window.from, window.until, fault),
    restarts: [],
  });

/** For what is the matter with a server all the time, whatever the window. */
const always =
  (count: number, fault: ServerFault): Plan =>
  (servers) => ({ servers: onFirst(servers, count, 0, Number.POSITIVE_INFINITY, fault), restarts: [] });

/** Fault schedules by name. The first servers of a fleet are hit, from the fifth minute of virtual time on. */
export const FAULTS: Readonly<Record<string, Plan>> = {
  none: () => NO_FAULTS,
  kill: spans(1, [5, 15], { kind: 'kill' }),
  hang: spans(1, [5, 15], { kind: 'hang' }),
  'slow-one': spans(1, [5, 20], { kind: 'slow', factor: 6 }),
  slow: spans(3, [5, 20], { kind: 'slow', factor: 6 }),
  'black-hole': spans(1, [5, 15], { kind: 'black-hole' }),
  error: spans(1, [5, 15], { kind: 'error', share: 0.5 }),
  busy: spans(1, [5, 15], { kind: 'busy' }),
  flapping: ([first], { from, until } = { from: 5 * MINUTE_MS, until: 15 * MINUTE_MS }) => ({
    servers: first === undefined ? [] : flapping(first, from, until),
    restarts: [],
  }),
  'lying-ps': always(3, { kind: 'lying-ps' }),
  'lagging-ps': always(Number.POSITIVE_INFINITY, { kind: 'lagging-ps', lagMs: 20_000 }),
  bypass: always(3, { kind: 'bypass', perSecond: 0.05 }),
  restart: (_servers, { from } = { from: 10 * MINUTE_MS, until: Number.POSITIVE_INFINITY }) => ({
    servers: [],
    restarts: [from],
  }),
};

/**
 * A schedule by name for these servers. Throws on an unknown name.
 * @param window when it hits instead of its usual time; a restart comes at its beginning
 */
export const faultPlan = (name: string, servers: readonly string[], window?: Window): FaultPlan => {
  const plan = FAULTS[name];
  if (plan === undefined) throw new Error(`no fault is called ${name}: take one of ${Object.keys(FAULTS).join(', ')}`);
  return plan(servers, window);
};
