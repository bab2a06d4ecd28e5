import { App } from '../../src/app.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Clock } from '../../src/core/clock.ts';
import { seededRng } from '../../src/core/rng.ts';
import { TASK_CATEGORIES } from '../../src/core/types.ts';
import type { RequestRecord } from '../../src/results/history.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import { call, type Answer } from '../support/http-call.ts';
import { LogBook } from '../support/log-book.ts';
import { WITH_MODEL, WITHOUT_MODEL, type Ask } from './asks.ts';
import { CERTIFICATE } from './certificate.ts';
import { FAULTS, happensTo, PHASES_OF, type Fault, type Kind, type Phase } from './faults.ts';
import { FaultServer } from './server.ts';

/** Whether a good server stands beside the bad one. */
export type Company = 'beside a good server' | 'alone';

/** What came of one request; all texts are those of the table. */
export interface Observed {
  readonly fault: Fault;
  readonly phase: Phase;
  readonly company: Company;
  readonly kind: Kind;
  /** The request. */
  readonly name: string;
  /** What the client saw. */
  readonly client: string;
  /** How often the bad server read the request; undefined where it reads none. */
  readonly hits: number | undefined;
  /** Outcome of the request as it was recorded, and why the bad server's attempts failed. */
  readonly outcome: string;
  readonly reasons: string;
  /** The breaker that stepped: seen opening where one failure opens it, beside a good server. */
  readonly breaker: 'server' | 'model' | 'none';
  /** Places that are still taken and requests that still wait, once all is over. */
  readonly left: number;
}

/** Before the first byte of answer no server is given less than a minute: time is moved on instead. */
const STALLS_MS = 3_600_000;
const SILENT: ReadonlySet<Fault> = new Set(['blackhole', 'hang', 'stall']);
/** Groups at a time; most of their time is spent waiting. */
const AT_ONCE = 8;

/** The process's clock, which may be moved on. */
class MovedClock implements Clock {
  #ahead = 0;

  now(): number {
    return performance.now() + this.#ahead;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }
}

interface Cell {
  readonly ask: Ask;
  readonly bad: FaultServer;
  readonly good: FaultServer | undefined;
}

const configOf = (cells: readonly Cell[], company: Company): string => {
  const backends = cells.flatMap(({ bad, good }) =>
    [bad, good].flatMap((server, i) =>
      server === undefined
        ? []
        : [
            {
              name: `${i === 0 ? 'bad' : 'good'}-${bad.model}`,
              url: server.url,
              // Round robin gives a turn to the next weight only after a hundred thousand of the one before.
              weight: i === 0 ? 1e5 : 1,
              slots: 10,
              ...(server.url.startsWith('https') ? { tls: { ca: CERTIFICATE } } : {}),
            },
          ],
    ),
  );
  return [
    'listen: 127.0.0.1:0',
    'admin: { listen: "127.0.0.1:0" }',
    `backends: ${JSON.stringify(backends)}`,
    'routing: { strategy: round-robin }',
    'health: { interval: 10m, timeout: 20s }',
    // Longer than a busy machine is ever silent: where a server is, time is moved on.
    'limits: { stream_idle_timeout: 3s }',
    `circuit_breaker: { adaptive: false, failure_threshold: ${company === 'alone' ? 5 : 1} }`,
  ].join('\n');
};

/** A proxy in front of the servers of some cells. */
class Stage {
  readonly #app: App;
  readonly #log: LogBook;
  readonly #clock: MovedClock;
  readonly #url: string;
  readonly #adminUrl: string;

  private constructor(
    app: App,
    log: LogBook,
    clock: MovedClock,
    ports: { readonly proxy: number; readonly admin: number },
  ) {
    this.#app = app;
    this.#log = log;
    this.#clock = clock;
    this.#url = `http://127.0.0.1:${ports.proxy}`;
    this.#adminUrl = `http://127.0.0.1:${ports.admin}/admin/v1`;
  }

  static async open(cells: readonly Cell[], company: Company): Promise<Stage> {
    const context = { env: {}, strategies: STRATEGY_NAMES, categories: TASK_CATEGORIES };
    const parsed = parseConfig(configOf(cells, company), context);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const log = new LogBook();
    const clock = new MovedClock();
    const app = new App({ config: parsed.value.config, log, clock, rng: seededRng(7) });
    const { proxy, admin } = await app.start();
    await app.probed();
    return new Stage(app, log, clock, { proxy: proxy.port, admin: admin.port });
  }

  close(): Promise<void> {
    return this.#app.kill();
  }

  async run(fault: Fault, phase: Phase, company: Company, { ask, bad }: Cell): Promise<Omit<Observed, 'left'>> {
    const { model } = bad;
    let timer: NodeJS.Timeout | undefined;
    if (SILENT.has(fault)) {
      void bad.silent.then(() => {
        // In turns: what has reached the proxy by then has been read.
        timer = setTimeout(() => this.#clock.advance(STALLS_MS), 20);
      });
    }
    const body = ask.body(model);
    const answer = await call(this.#url + ask.path, {
      method: ask.method,
      headers: { 'x-request-id': model },
      ...(body === undefined ? {} : { body }),
    }).catch(() => undefined);
    clearTimeout(timer);
    const { hits } = bad;
    await this.#log.line(({ fields }) => fields['requestId'] === model && 'outcome' in fields);
    const record = (await this.#admin(`decisions/${model}`)) as RequestRecord;
    const view = (await this.#admin(`backends/bad-${model}`)) as View;
    const failures = record.attempts.flatMap(({ backend, outcome }) =>
      backend.startsWith('bad') && outcome.kind === 'backend-failed' ? [outcome.reason] : [],
    );
    return {
      fault,
      phase,
      company,
      kind: ask.kind,
      name: ask.name,
      client: seenBy(ask, answer, model),
      hits: phase === 'connect' ? undefined : hits,
      outcome: record.outcome,
      reasons: [...new Set(failures)].join(', '),
      breaker:
        view.breaker !== 'closed'
          ? 'server'
          : view.models.some(({ breaker }) => breaker !== 'closed')
            ? 'model'
            : 'none',
    };
  }

  /** What is still taken or waits. */
  async left(): Promise<number> {
    const { backends } = (await this.#admin('backends')) as { readonly backends: readonly View[] };
    const { waiting } = (await this.#admin('queue')) as { readonly waiting: Readonly<Record<string, number>> };
    const queued = Object.values(waiting).reduce((total, count) => total + count, 0);
    return backends.reduce((total, { inflight }) => total + inflight, queued);
  }

  async #admin(path: string): Promise<unknown> {
    return JSON.parse((await call(`${this.#adminUrl}/${path}`)).body);
  }
}

interface View {
  readonly inflight: number;
  readonly breaker: string;
  readonly models: readonly { readonly breaker: string }[];
}

/** What the client saw, in words; `?` with the bytes where it is nothing that anybody promised. */
const seenBy = ({ speech, pieces, kind }: Ask, answer: Answer | undefined, model: string): string => {
  if (answer === undefined) return 'cut before a byte';
  const { status, headers, body, complete } = answer;
  const from = headers['x-task-router-backend'] === `good-${model}` ? 'the other' : 'the same';
  const code = headers['x-task-router-error'];
  const whole = pieces.join('');
  if (status === 200 && complete && body === whole) return `whole, from ${from}`;
  if (status === 200 && !complete) {
    const inBand = kind === 'stream' ? speech.inBand(body) : undefined;
    if (inBand !== undefined) return 'cut, error in the stream';
    if (whole.startsWith(body)) return 'cut';
  }
  if (status === 200 && complete && kind === 'stream' && speech.inBand(body) === 'CUDA error')
    return 'its error in the stream';
  if (status !== 200 && complete && code !== undefined && isErrorOf(speech.dialect, body))
    return `${status} ${String(code)}`;
  if (complete && code === undefined && from === 'the same') return `its ${status} as it is`;
  return `? ${status} ${String(code)} ${complete} ${JSON.stringify(body)}`;
};

/** The proxy's own error in the shape of the API that was called (contract: errors). */
const isErrorOf = (dialect: string, body: string): boolean => {
  const { error, type } = JSON.parse(body) as { readonly error?: unknown; readonly type?: unknown };
  if (dialect === 'native') return typeof error === 'string';
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
  return typeof message === 'string' && (dialect === 'openai' ? typeof code === 'string' : type === 'error');
};

/** One fault in one phase: each request has servers of its own, so that none sees what another one left behind. */
const runGroup = async (fault: Fault, phase: Phase, company: Company): Promise<readonly Observed[]> => {
  const wanted = (asks: readonly Ask[]): readonly Ask[] => asks.filter(({ kind }) => happensTo(fault, phase, kind));
  const stages = [wanted(WITH_MODEL), ...wanted(WITHOUT_MODEL).map((ask) => [ask])];
  const observed: Observed[] = [];
  for (const asks of stages) {
    const cells = await Promise.all(
      asks.map(async (ask, i) => {
        const bad = await new FaultServer(`m${i}`, ask, { fault, phase }).listen();
        const good = company === 'alone' ? undefined : await new FaultServer(`m${i}`, ask).listen();
        return { ask, bad, good };
      }),
    );
    const stage = await Stage.open(cells, company);
    for (const { bad } of cells) await bad.arm();
    const ends: Omit<Observed, 'left'>[] = [];
    for (const cell of cells) ends.push(await stage.run(fault, phase, company, cell));
    const left = await stage.left();
    observed.push(...ends.map((end) => ({ ...end, left })));
    await stage.close();
    for (const { bad, good } of cells) await Promise.all([bad.close(), good?.close()]);
  }
  return observed;
};

/** Runs all of it, in the order of the table. */
export const runFaults = async (faults: readonly Fault[] = FAULTS): Promise<readonly Observed[]> => {
  const groups = faults.flatMap((fault) =>
    PHASES_OF[fault].flatMap((phase) =>
      (['beside a good server', 'alone'] as const).map((company) => ({ fault, phase, company })),
    ),
  );
  const results: (readonly Observed[])[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < groups.length; i = next++) {
      const group = groups[i];
      if (group !== undefined) results[i] = await runGroup(group.fault, group.phase, group.company);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results.flat();
};
