import http from 'node:http';
import { performance } from 'node:perf_hooks';

/** One request as its client saw it; times in ms of `performance.now()`. */
export interface Offered {
  readonly sentAt: number;
  readonly endedAt: number;
  /** 0 = there was no answer. */
  readonly status: number;
  /** The answer came whole. */
  readonly whole: boolean;
  /** Seconds of `Retry-After`; undefined where there was none. */
  readonly retryAfterS: number | undefined;
  /** ms for which the proxy says that it held the request back; undefined where it was not routed. */
  readonly queueMs: number | undefined;
}

const numberIn = (value: string | string[] | undefined): number | undefined =>
  typeof value === 'string' && value !== '' ? Number(value) : undefined;

const once = (origin: string, agent: http.Agent, body: string): Promise<Offered> =>
  new Promise((resolve) => {
    const sentAt = performance.now();
    const none: Offered = {
      sentAt,
      endedAt: 0,
      status: 0,
      whole: false,
      retryAfterS: undefined,
      queueMs: undefined,
    };
    const headers = { 'content-length': Buffer.byteLength(body) };
    const req = http.request(`${origin}/api/generate`, { method: 'POST', agent, headers });
    req.on('error', () => resolve({ ...none, endedAt: performance.now() }));
    req.once('response', (res) => {
      res.resume();
      res.once('close', () =>
        resolve({
          sentAt,
          endedAt: performance.now(),
          status: res.statusCode ?? 0,
          whole: res.complete,
          retryAfterS: numberIn(res.headers['retry-after']),
          queueMs: numberIn(res.headers['x-task-router-queue-ms']),
        }),
      );
    });
    req.end(body);
  });

/** Where requests go and what they ask. */
export interface Ask {
  readonly origin: string;
  readonly model: string;
}

const bodyOf = (model: string, index: number): string =>
  JSON.stringify({ model, prompt: `request number ${index}`, stream: false });

/** So many clients, each of which sends its next request when it has the answer to the last one. */
export const closedLoop = async ({ origin, model }: Ask, clients: number, durationMs: number): Promise<Offered[]> => {
  const agent = new http.Agent({ keepAlive: true });
  const end = performance.now() + durationMs;
  const all: Offered[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < end) all.push(await once(origin, agent, bodyOf(model, all.length)));
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return all;
};

/** Requests at a steady rate, whether or not those before have been answered. Resolves when all of them have. */
export const openLoop = async ({ origin, model }: Ask, perSecond: number, durationMs: number): Promise<Offered[]> => {
  const agent = new http.Agent({ keepAlive: true });
  const from = performance.now();
  const all: Promise<Offered>[] = [];
  for (;;) {
    const past = performance.now() - from;
    if (past >= durationMs) break;
    while (all.length < (past / 1000) * perSecond) all.push(once(origin, agent, bodyOf(model, all.length)));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const offered = await Promise.all(all);
  agent.destroy();
  return offered;
};

/** Whole good answers per second, from the first of them to the last: how long the load lasts does not matter. */
export const goodput = (offered: readonly Offered[]): number => {
  const ends = offered.flatMap(({ status, whole, endedAt }) => (status === 200 && whole ? [endedAt] : []));
  const span = Math.max(...ends) - Math.min(...ends);
  return ends.length < 2 ? 0 : ((ends.length - 1) * 1000) / span;
};

/** Share of the time, from the first good answer to the last, in which the slots were at work. */
export const busy = (offered: readonly Offered[], slots: number): number => {
  const served = offered.filter(({ status, whole }) => status === 200 && whole);
  const from = Math.min(...served.map(({ endedAt }) => endedAt));
  const to = Math.max(...served.map(({ endedAt }) => endedAt));
  // What was at work before or after counts for the part in between only.
  const worked = served.reduce(
    (sum, { sentAt, queueMs = 0, endedAt }) => sum + Math.max(0, endedAt - Math.max(from, sentAt + queueMs)),
    0,
  );
  return worked / (slots * (to - from));
};

/** The value below which this share of them lies; NaN of none. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};
