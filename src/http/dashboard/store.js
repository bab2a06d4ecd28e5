/** As many as the proxy keeps. */
const MOST_POINTS = 360;
const MOST_ROWS = 40;

const COLUMNS = [
  'firstTokenP50Ms',
  'firstTokenP95Ms',
  'tokensInPerSecond',
  'tokensOutPerSecond',
  'requestsPerSecond',
  'failedPerSecond',
  'waiting',
  'inflight',
];

const pointsOf = (series) =>
  series[COLUMNS[0]].map((_, i) => ({
    at: series.endedAt - (series[COLUMNS[0]].length - 1 - i) * series.stepMs,
    ...Object.fromEntries(COLUMNS.map((column) => [column, series[column][i]])),
  }));

/** What is known of the proxy: a snapshot, and every change since. Tells its listeners what kind of thing has changed. */
export class Store {
  servers = new Map();
  status;
  queue;
  rates;
  decisions = [];
  points = [];
  reloads = [];
  /** Wall time of the proxy minus that of this machine, in ms: what expires there is counted down here. */
  skew = 0;
  #listeners = [];

  /** @param run called with the kind of each change, and with `snapshot` for all of them @returns what ends that */
  listen(run) {
    this.#listeners.push(run);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== run);
    };
  }

  take(event, data) {
    const apply = this.#appliers[event];
    if (apply === undefined) return;
    apply(data);
    for (const run of this.#listeners) run(event);
  }

  #appliers = {
    snapshot: (data) => {
      this.servers = new Map(data.servers.map((server) => [server.name, server]));
      this.status = data.status;
      this.queue = data.queue;
      this.rates = data.rates;
      this.decisions = data.decisions;
      this.points = pointsOf(data.series);
      this.reloads = data.reloads;
      this.skew = data.at - Date.now();
    },
    servers: ({ changed, gone }) => {
      for (const name of gone) this.servers.delete(name);
      for (const server of changed) this.servers.set(server.name, server);
    },
    status: (data) => {
      this.status = data;
    },
    queue: (data) => {
      this.queue = data;
    },
    rates: (data) => {
      this.rates = data;
    },
    decisions: ({ rows }) => {
      this.decisions = [...rows, ...this.decisions].slice(0, MOST_ROWS);
    },
    point: (point) => {
      if (point.at <= (this.points.at(-1)?.at ?? 0)) return;
      this.points = [...this.points, point].slice(-MOST_POINTS);
    },
    reload: (data) => {
      this.reloads = [data, ...this.reloads];
    },
  };
}
