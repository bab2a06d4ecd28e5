import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { errorText, ProxyError } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import { readBody } from '../forward/body.ts';
import { actorOf, adminRefusal, pageRefusal } from './admin-guard.ts';
import { AdminError, Takeover } from './admin/route.ts';
import { adminRoutes } from './admin/routes.ts';
import { answerJson } from './answers.ts';
import type { Control } from './control.ts';
import { isDashboard, serveDashboard } from './dashboard/files.ts';

/** No admin call needs more. */
const MAX_BODY_BYTES = 1024 * 1024;
const BODY_IDLE_MS = 10_000;

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
    if (isDashboard(path)) {
      const unwelcome = pageRefusal(req, this.#token());
      if (unwelcome !== undefined) throw new AdminError(unwelcome.status, unwelcome.message);
      return serveDashboard(req, res, path);
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
    const { contentType, text } = await this.#control.metricsText(req.headers.accept);
    res.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store', vary: 'accept' });
    res.end(text);
  }

  async #call(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const methods: string[] = [];
    for (const route of adminRoutes) {
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
        bytes: () => readBody(req, MAX_BODY_BYTES, BODY_IDLE_MS),
      });
      if (result instanceof Takeover) result.begin(res);
      else answerJson(res, route.status ?? 200, result);
      return;
    }
    if (methods.length === 0) throw new AdminError(404, `no call ${PREFIX}${path}`);
    res.setHeader('allow', methods.join(', '));
    throw new AdminError(405, `${PREFIX}${path} takes ${methods.join(', ')}, not ${req.method ?? ''}`);
  }
}

const pathOf = (req: IncomingMessage): string => (req.url ?? '/').split('?', 1)[0] ?? '/';
