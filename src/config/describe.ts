import type { KeyRule } from '../core/key-rule.ts';
import { isInlinePem } from './pem.ts';
import type { BackendConfig, Config, ListenerTls } from './types.ts';
import { formatDuration, formatHostPort, formatSize } from './units.ts';

type Secret = (text: string) => string;

const HIDDEN: Secret = () => '[hidden]';

/** A path is shown, and so is what is public anyway; a key that stands in the configuration itself is not. */
const pemKeys = (pems: Readonly<Record<string, string | undefined>>, secret: Secret) =>
  Object.fromEntries(
    Object.entries(pems).flatMap(([name, pem]) =>
      pem === undefined ? [] : [[name, name === 'key' && isInlinePem(pem) ? secret(pem) : pem] as const],
    ),
  );

const listenerTls = (tls: ListenerTls | undefined, secret: Secret) =>
  tls === undefined ? {} : { tls: pemKeys({ cert: tls.cert, key: tls.key, client_ca: tls.clientCa }, secret) };

const backendTls = ({ tls }: BackendConfig, secret: Secret) =>
  tls === undefined
    ? {}
    : {
        tls: {
          ...pemKeys({ ca: tls.ca, server_name: tls.serverName }, secret),
          insecure_skip_verify: tls.insecureSkipVerify,
          ...pemKeys({ cert: tls.cert, key: tls.key }, secret),
        },
      };

const backendKeys = (backend: BackendConfig, secret: Secret) => ({
  name: backend.name,
  // A URL writes an empty path as "/", which the file need not.
  url: backend.url.href.replace(/\/$/, ''),
  weight: backend.weight,
  slots: backend.slots,
  zone: backend.zone,
  tags: backend.tags,
  headers: Object.fromEntries(Object.entries(backend.headers).map(([name, value]) => [name, secret(value)] as const)),
  vram: typeof backend.vramBytes === 'number' ? formatSize(backend.vramBytes) : backend.vramBytes,
  ...backendTls(backend, secret),
});

/** One backend in the notation of the file, secrets included: `readBackendEntry` makes the same of it. */
export const backendText = (backend: BackendConfig): unknown => backendKeys(backend, (text) => text);

/** The same for people to see, secrets hidden. */
export const redactBackend = (backend: BackendConfig): unknown => backendKeys(backend, HIDDEN);

/** What is not set is left out, as in the file. */
const apiKeys = (key: KeyRule, secret: Secret) => {
  const { requestsPerMinute, concurrent, tokensPerMinute, tokensPerDay } = key.limits;
  const optional = {
    class: key.class,
    models: key.models,
    requests_per_minute: requestsPerMinute,
    concurrent,
    tokens_per_minute: tokensPerMinute,
    tokens_per_day: tokensPerDay,
    not_after: key.notAfter === undefined ? undefined : new Date(key.notAfter).toISOString(),
  };
  return {
    name: key.name,
    hash: secret(`sha256:${key.hash}`),
    tenant: key.tenant,
    routes: key.routes,
    allow_pin: key.allowPin,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
};

/** The keys of the file, in its notation, that stand for a configuration; `secret` decides how tokens and header values look. */
const fileKeys = (config: Config, secret: Secret) => ({
  listen: formatHostPort(config.listen),
  admin: {
    listen: formatHostPort(config.admin.listen),
    token: config.admin.token === undefined ? '' : secret(config.admin.token),
    ...(config.admin.tokenFile === undefined ? {} : { token_file: config.admin.tokenFile }),
    ...listenerTls(config.admin.tls, secret),
  },
  cors: {
    origins: config.cors.origins,
    local: config.cors.local,
    headers: config.cors.headers,
    expose_headers: config.cors.exposeHeaders,
    max_age: formatDuration(config.cors.maxAgeMs),
  },
  backends: config.backends.map((backend) => backendKeys(backend, secret)),
  routing: {
    strategy: config.routing.strategy,
    num_ctx: config.routing.numCtx,
    zone: config.routing.zone,
    learned: { shadow: config.routing.learned.shadow },
  },
  virtual_models: Object.fromEntries(
    config.virtualModels.map(({ name, candidates, prefer }) => [name, { candidates, prefer: { ...prefer } }] as const),
  ),
  categories: {
    threshold: config.categories.threshold,
    own: Object.fromEntries(
      config.categories.own.map(({ name, headers, ...category }) => [name, { ...category, headers: { ...headers } }]),
    ),
  },
  aliases: { ...config.aliases },
  changes: {
    copies: config.changes.copies,
    rules: config.changes.rules.map(({ models, copies, tags }) => ({
      models,
      ...(copies === undefined ? {} : { copies }),
      tags,
    })),
  },
  embeddings: { split: config.embeddings.split ?? 'off' },
  circuit_breaker: {
    failure_threshold: config.circuitBreaker.failureThreshold,
    success_threshold: config.circuitBreaker.successThreshold,
    timeout: formatDuration(config.circuitBreaker.timeout),
    half_open_requests: config.circuitBreaker.halfOpenRequests,
    adaptive: config.circuitBreaker.adaptive,
    heal: config.circuitBreaker.heal,
  },
  queue: {
    max_waiting: config.queue.maxWaiting,
    max_wait: formatDuration(config.queue.maxWaitMs),
    class_weights: config.queue.classWeights,
    max_bytes: formatSize(config.queue.maxBytes),
    order: config.queue.order,
    shed: config.queue.shed,
    target_wait: formatDuration(config.queue.targetWaitMs),
    promote_after: formatDuration(config.queue.promoteAfterMs),
  },
  retry: {
    max_attempts: config.retry.maxAttempts,
    budget: config.retry.budget,
    stall_guard: config.retry.stallGuard,
    hedge: config.retry.hedgeMs === undefined ? 'off' : formatDuration(config.retry.hedgeMs),
  },
  streaming: {
    keepalive: config.streaming.keepaliveMs === undefined ? 'off' : formatDuration(config.streaming.keepaliveMs),
  },
  placement: { enabled: config.placement.enabled, pin: { ...config.placement.pin } },
  trace: { path: config.trace.path ?? 'off', max_bytes: formatSize(config.trace.maxBytes) },
  workers: config.workers,
  health: {
    interval: formatDuration(config.health.intervalMs),
    timeout: formatDuration(config.health.timeoutMs),
    unhealthy_after: config.health.unhealthyAfter,
    healthy_after: config.health.healthyAfter,
  },
  limits: {
    body: formatSize(config.limits.bodyBytes),
    header: formatSize(config.limits.headerBytes),
    connections: config.limits.connections,
    head_timeout: formatDuration(config.limits.headTimeoutMs),
    body_idle_timeout: formatDuration(config.limits.bodyIdleTimeoutMs),
    write_idle_timeout: formatDuration(config.limits.writeIdleTimeoutMs),
    streams_per_client: config.limits.streamsPerClient ?? 'off',
    stream_idle_timeout: formatDuration(config.limits.streamIdleTimeoutMs),
    drain_timeout: formatDuration(config.limits.drainTimeoutMs),
  },
  state: config.state,
  ...listenerTls(config.tls, secret),
  metrics: {
    listen: config.metrics.listen === undefined ? 'off' : formatHostPort(config.metrics.listen),
    ...listenerTls(config.metrics.tls, secret),
  },
  logging: { level: config.logging.level, format: config.logging.format ?? 'auto' },
  auth: { keys: config.auth.keys.map((key) => apiKeys(key, secret)) },
});

/**
 * A configuration for people to see: the file's keys and notation, with the token and all header values hidden. Without
 * secrets it reads back as the same configuration.
 */
export const redactConfig = (config: Config): unknown => fileKeys(config, HIDDEN);

export interface ConfigChange {
  /** As in the file, a backend by its name: `queue.max_wait`, `backends.gpu-1.weight`. */
  readonly path: string;
  /** undefined = was not there. */
  readonly before: unknown;
  /** undefined = is gone. */
  readonly after: unknown;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const byName = (config: Config, secret: Secret): Readonly<Record<string, unknown>> => ({
  ...fileKeys(config, secret),
  backends: Object.fromEntries(
    config.backends.map((backend) => {
      const { name, ...keys } = backendKeys(backend, secret);
      return [name, keys] as const;
    }),
  ),
  auth: {
    keys: Object.fromEntries(
      config.auth.keys.map((key) => {
        const { name, ...keys } = apiKeys(key, secret);
        return [name, keys] as const;
      }),
    ),
  },
});

/** One side of the comparison: what is compared, and the same with its secrets hidden, which is shown. */
interface Side {
  readonly real: unknown;
  readonly shown: unknown;
}

const step = (side: Side, key: string): Side => {
  const inside = (value: unknown): unknown => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined);
  return { real: inside(side.real), shown: inside(side.shown) };
};

/**
 * Every value that differs, in the order of the file; lists of models count as one value. Secrets are compared as they
 * are and shown hidden.
 */
export const configDiff = (before: Config, after: Config): readonly ConfigChange[] => {
  const changes: ConfigChange[] = [];
  const compare = (path: string, a: Side, b: Side): void => {
    if (isRecord(a.real) && isRecord(b.real)) {
      for (const key of new Set([...Object.keys(a.real), ...Object.keys(b.real)])) {
        compare(path === '' ? key : `${path}.${key}`, step(a, key), step(b, key));
      }
    } else if (JSON.stringify(a.real) !== JSON.stringify(b.real)) {
      changes.push({ path, before: a.shown, after: b.shown });
    }
  };
  const side = (config: Config): Side => ({
    real: byName(config, (text) => text),
    shown: byName(config, HIDDEN),
  });
  compare('', side(before), side(after));
  return changes;
};
