import type { LookupFunction } from 'node:net';
import { expect } from 'vitest';
import { App, type AppOptions } from '../../src/app.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import { formatIssue, parseConfig } from '../../src/config/parse.ts';
import type { Config, ParseContext } from '../../src/config/types.ts';
import type { Clock } from '../../src/core/clock.ts';
import { seededRng } from '../../src/core/rng.ts';
import { TASK_CATEGORIES, type Checked } from '../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import { call, type Answer, type CallOptions } from './http-call.ts';
import { LogBook } from './log-book.ts';

/** A backend as far as the configuration names it; a simulated server is one once it has a name. */
export interface TestBackend {
  readonly name: string;
  readonly url: string;
  readonly weight?: number;
  readonly slots?: number;
  readonly tags?: readonly string[];
}

export interface ProxyOptions {
  readonly backends?: readonly TestBackend[];
  /** More top-level keys of the configuration, as YAML; must not repeat `listen`, `admin` or `backends`. */
  readonly config?: string;
  /** Value of `admin.token`. */
  readonly token?: string;
  /** Reads this file instead of all of the above, and again at each reload. */
  readonly file?: string;
  readonly clock?: Clock;
  /** Resolves the names of backends. */
  readonly lookup?: LookupFunction;
  /** ms since 1970, where calendar days matter. */
  readonly wall?: () => number;
  /** Wait until each backend was looked at once; default true. */
  readonly probe?: boolean;
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Answer['headers'];
  /** Parsed; undefined when the answer was no JSON. */
  readonly body: unknown;
}

export interface TestProxy {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string;
  readonly metricsUrl: string | undefined;
  readonly app: App;
  readonly log: LogBook;
  /** One request to the proxy. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** One call of `/admin/v1/…`, with the token if there is one. */
  admin(method: string, path: string, body?: unknown): Promise<AdminAnswer>;
  /** Every sample of `/metrics`, by name and labels as they are written there. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Ends it at once. */
  stop(): Promise<void>;
}

const context: ParseContext = { env: {}, strategies: STRATEGY_NAMES, categories: TASK_CATEGORIES };

/** Tests that say nothing about slots are not about waiting for one. */
const MANY_SLOTS = 100;

/**
 * The text of a configuration on free ports of loopback. Unless it says otherwise probes may take long, so that a busy
 * machine is not taken for a dead backend.
 */
export const configText = ({ backends = [], config = '', token }: ProxyOptions): string =>
  [
    'listen: 127.0.0.1:0',
    `admin: { listen: "127.0.0.1:0"${token === undefined ? '' : `, token: ${JSON.stringify(token)}`} }`,
    `backends: ${JSON.stringify(backends.map(({ name, url, weight, slots = MANY_SLOTS, tags }) => ({ name, url, weight, slots, tags })))}`,
    ...(/^health:/m.test(config) ? [] : ['health: { timeout: 20s }']),
    config,
  ].join('\n');

const configOf = async (options: ProxyOptions): Promise<Checked<Config>> => {
  const parsed =
    options.file === undefined
      ? parseConfig(configText(options), context)
      : await loadConfigFile(options.file, context);
  return parsed.ok ? { ok: true, value: parsed.value.config } : parsed;
};

/** The samples of a Prometheus text. */
export const samplesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))] as const;
      }),
  );

const parsedOr = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * Starts the whole proxy on free ports in front of `backends`, with a log that is kept and chance from a fixed seed, and
 * waits until each backend was looked at once. Fails the test when the configuration is wrong.
 */
export const startProxy = async (options: ProxyOptions = {}): Promise<TestProxy> => {
  const first = await configOf(options);
  if (!first.ok) expect.fail(first.issues.map((issue) => formatIssue(options.file ?? 'config', issue)).join('\n'));
  const log = new LogBook();
  const rest: Partial<AppOptions> = {
    ...(options.file === undefined ? {} : { reread: () => configOf(options) }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    ...(options.wall === undefined ? {} : { wall: options.wall }),
  };
  const app = new App({ config: first.value, log, rng: seededRng(7), ...rest });
  const { proxy, admin, metrics } = await app.start();
  if (options.probe !== false) await app.probed();
  const url = `http://127.0.0.1:${proxy.port}`;
  const adminUrl = `http://127.0.0.1:${admin.port}`;
  const { token } = first.value.admin;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    url,
    port: proxy.port,
    adminUrl,
    metricsUrl: metrics === undefined ? undefined : `http://127.0.0.1:${metrics.port}`,
    app,
    log,
    call: (path, request) => call(url + path, request),
    async admin(method, path, body) {
      const answer = await call(`${adminUrl}/admin/v1/${path}`, { method, headers: authorization, body });
      return { status: answer.status, headers: answer.headers, body: parsedOr(answer.body) };
    },
    async metrics() {
      const { body } = await call(`${adminUrl}/metrics`, { headers: authorization });
      return samplesOf(body);
    },
    stop: () => app.kill(),
  };
};
