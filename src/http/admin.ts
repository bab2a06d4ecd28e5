import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { errorText, ProxyError } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import { readBody } from '../forward/body.ts';
import { UnknownStrategyError } from '../routing/index.ts';
import { actorOf, adminRefusal } from './admin-guard.ts';
import { answerJson } from './answers.ts';
import type { Control } from './control.ts';

/** No admin call needs more. */
const MAX_BODY_BYTES = 1024 * 1024;
const BODY_IDLE_MS = 10_000;
const MAX_DECISIONS = 1_000;

/** A refusal of an admin call: status and what to do about it. */
class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly status: number;
  readonly detail: object;

  constructor(status: number, message: string, detail: object = {}) {
    super(message);
    this.status = status;
    this.detail = detail;
  }
}

interface Call {
  readonly control: Control;
  readonly who: string;
  readonly query: URLSearchParams;
  /** What stood in the place of the `*` of the pattern. */
  readonly name: string;
  readonly body: <T>(schema: z.ZodType<T>) => Promise<T>;
}

interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH';
  /** Path under /admin/v1/, where one `*` stands for a name. */
  readonly path: string;
  run(call: Call): unknown;
}

const patchSchema = z
  .strictObject({
    weight: z.number().positive().max(1_000).optional(),
    enabled: z.boolean().optional(),
    drain: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'name at least one of weight, enabled, drain');
const strategySchema = z.strictObject({ strategy: z.string() });
const categorizeSchema = z.strictObject({ prompt: z.string(), system: z.string().default('') });

const noSuchBackend = (call: Call): AdminError =>
  new AdminError(404, `no backend is called ${JSON.stringify(call.name)}`, {
    backends: call.control.backends().map(({ name }) => name),
  });

const oneBackend = (call: Call): unknown => {
  const found = call.control.backends().find(({ name }) => name === call.name);
  if (found === undefined) throw noSuchBackend(call);
  return found;
};

const ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: 'backends', run: ({ control }) => ({ backends: control.backends() }) },
  { method: 'GET', path: 'backends/*', run: oneBackend },
  {
    method: 'PATCH',
    path: 'backends/*',
    async run(call) {
      const patch = await call.body(patchSchema);
      if (!call.control.patchBackend(call.name, patch, call.who)) throw noSuchBackend(call);
      return oneBackend(call);
    },
  },
  {
    method: 'POST',
    path: 'backends/*/recover',
    run(call) {
      if (!call.control.recoverBackend(call.name, call.who)) throw noSuchBackend(call);
      return oneBackend(call);
    },
  },
  { method: 'GET', path: 'strategy', run: ({ control }) => control.strategy() },
  {
    method: 'PUT',
    path: 'strategy',
    async run({ control, who, body }) {
      const { strategy } = await body(strategySchema);
      try {
        control.setStrategy(strategy, who);
      } catch (error) {
        if (!(error instanceof UnknownStrategyError)) throw error;
        throw new AdminError(400, error.message, { available: control.strategy().available });
      }
      return control.strategy();
    },
  },
  { method: 'GET', path: 'models', run: ({ control }) => ({ models: control.models() }) },
  { method: 'GET', path: 'metrics', run: ({ control }) => ({ models: control.modelMetrics() }) },
  {
    method: 'POST',
    path: 'metrics/reset',
    run({ control, who }) {
      control.resetMetrics(who);
      return { reset: true };
    },
  },
  {
    method: 'GET',
    path: 'health',
    run({ control }) {
      const { ready, reason } = control.ready();
      const backends = control.backends();
      return {
        ready,
        reason,
        backends: Object.fromEntries(
          backends.map((each) => [
            each.name,
            { healthy: each.health === 'up' && each.breaker !== 'open', ...pickHealth(each) },
          ]),
        ),
      };
    },
  },
  { method: 'GET', path: 'queue', run: ({ control }) => ({ waiting: control.queue() }) },
  {
    method: 'POST',
    path: 'categorize',
    async run({ control, body }) {
      const { prompt, system } = await body(categorizeSchema);
      return control.categorize(prompt, system);
    },
  },
  {
    method: 'GET',
    path: 'decisions',
    run({ control, query }) {
      const limit = Number(query.get('limit') ?? 50);
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_DECISIONS) {
        throw new AdminError(
          400,
          `limit: a whole number from 1 to ${MAX_DECISIONS}, not ${JSON.stringify(query.get('limit'))}`,
        );
      }
      return { decisions: control.decisions(limit) };
    },
  },
  {
    method: 'GET',
    path: 'decisions/*',
    run({ control, name }) {
      const found = control.decision(name);
      if (found === undefined) {
        throw new AdminError(404, `no request ${JSON.stringify(name)} among the last ${MAX_DECISIONS}`);
      }
      return found;
    },
  },
  { method: 'GET', path: 'config', run: ({ control }) => control.config() },
  {
    method: 'POST',
    path: 'config/reload',
    async run({ control, who }) {
      const result = await control.reload(who);
      if (!result.ok)
        throw new AdminError(422, 'the configuration was not reloaded; the old one still holds', {
          issues: result.issues,
        });
      return { changes: result.changes };
    },
  },
];

const pickHealth = ({ health, breaker, lastError }: ReturnType<Control['backends']>[number]): object => ({
  health,
  breaker,
  lastError,
});

const PREFIX = '/admin/v1/';

/** The name in a path for a pattern, '' where the pattern has no `*`; undefined when they do not fit. */
const match = (pattern: string, path: string): string | undefined => {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === path ? '' : undefined;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  if (!path.startsWith(before) || !path.endsWith(after) || path.length <= before.length + after.length)
    return undefined;
  const name = path.slice(before.length, path.length - after.length);
  if (name.includes('/')) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
};

const readJson = async <T>(req: IncomingMessage, schema: z.ZodType<T>): Promise<T> => {
  const text = (await readBody(req, MAX_BODY_BYTES, BODY_IDLE_MS)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch (error) {
    throw new AdminError(400, `the body is not JSON: ${errorText(error)}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  throw new AdminError(
    400,
    issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '),
    {
      issues,
    },
  );
};

/** The admin listener's requests: health for everybody, the rest for whoever may. */
export class Admin {
  readonly #control: Control;
  readonly #token: () => string | undefined;
  readonly #log: Log;

  constructor(control: Control, token: () => string | undefined, log: Log) {
    this.#control = control;
    this.#token = token;
    this.#log = log;
  }

  handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    return this.#safely(req, res, () => this.#answer(req, res));
  }

  /** `/metrics` alone, for a listener of its own. */
  handleMetricsOnly(req: IncomingMessage, res: ServerResponse): Promise<void> {
    return this.#safely(req, res, async () => {
      if (pathOf(req) !== '/metrics') throw new AdminError(404, 'this listener serves /metrics only');
      await this.#metrics(req, res);
    });
  }

  /** Runs an answer to its end; what it throws becomes one. */
  async #safely(req: IncomingMessage, res: ServerResponse, answer: () => Promise<void>): Promise<void> {
    try {
      await answer();
    } catch (error) {
      if (res.headersSent) {
        res.destroy();
        return;
      }
      if (error instanceof AdminError) {
        answerJson(res, error.status, { error: error.message, ...error.detail });
      } else if (error instanceof ProxyError) {
        if (!req.complete) res.setHeader('connection', 'close');
        answerJson(res, error.status, { error: error.message });
      } else {
        this.#log.error({ error: errorText(error), path: req.url }, 'an admin call failed');
        answerJson(res, 500, { error: 'the call failed; the log says why' });
      }
    }
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = pathOf(req);
    if (path === '/healthz') return answerJson(res, 200, { status: 'ok' });
    if (path === '/readyz') {
      const { ready, reason } = this.#control.ready();
      return answerJson(res, ready ? 200 : 503, { ready, reason });
    }
    const refusal = adminRefusal(req, this.#token());
    if (refusal !== undefined) throw new AdminError(refusal.status, refusal.message);
    if (path === '/metrics') return this.#metrics(req, res);
    if (!path.startsWith(PREFIX)) throw new AdminError(404, `nothing is at ${path}; the API is under ${PREFIX}`);
    await this.#call(req, res, path.slice(PREFIX.length));
  }

  async #metrics(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('allow', 'GET, HEAD');
      throw new AdminError(405, '/metrics is read with GET');
    }
    const { contentType, text } = await this.#control.metricsText();
    res.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' });
    res.end(text);
  }

  async #call(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const methods: string[] = [];
    for (const route of ROUTES) {
      const name = match(route.path, path);
      if (name === undefined) continue;
      if (route.method !== req.method) {
        methods.push(route.method);
        continue;
      }
      const token = this.#token();
      const result = await route.run({
        control: this.#control,
        who: actorOf(req, token),
        query: new URL(req.url ?? '/', 'http://admin').searchParams,
        name,
        body: (schema) => readJson(req, schema),
      });
      answerJson(res, 200, result);
      return;
    }
    if (methods.length === 0) throw new AdminError(404, `no call ${PREFIX}${path}`);
    res.setHeader('allow', methods.join(', '));
    throw new AdminError(405, `${PREFIX}${path} takes ${methods.join(', ')}, not ${req.method ?? ''}`);
  }
}

const pathOf = (req: IncomingMessage): string => (req.url ?? '/').split('?', 1)[0] ?? '/';
