import type { KeyRule } from '../core/key-rule.ts';
import type { FileValue } from './schema.ts';
import type { BackendConfig, Config, ListenerTls } from './types.ts';

/** A copy without a prototype: looking up `constructor` in it finds nothing. */
const lookup = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.assign(Object.create(null) as Record<string, T>, record);

const freeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
};

const listenerTls = (tls: FileValue['tls']): ListenerTls | undefined =>
  tls && { cert: tls.cert, key: tls.key, clientCa: tls.client_ca };

/** One backend, as the file has it. Frozen in depth. */
export const buildBackend = ({ headers, vram, tls, ...backend }: FileValue['backends'][number]): BackendConfig =>
  freeze({
    ...backend,
    headers: lookup(
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)),
    ),
    vramBytes: vram,
    tls: tls && {
      ca: tls.ca,
      serverName: tls.server_name,
      insecureSkipVerify: tls.insecure_skip_verify,
      cert: tls.cert,
      key: tls.key,
    },
  });

const buildKey = (key: FileValue['auth']['keys'][number]): KeyRule => ({
  name: key.name,
  hash: key.hash,
  tenant: key.tenant ?? key.name,
  class: key.class,
  models: key.models,
  routes: key.routes,
  limits: {
    requestsPerMinute: key.requests_per_minute,
    concurrent: key.concurrent,
    tokensPerMinute: key.tokens_per_minute,
    tokensPerDay: key.tokens_per_day,
  },
  allowPin: key.allow_pin,
  notAfter: key.not_after,
});

/** The keys of the file, which passed every check, as the value that the product works with. Frozen in depth. */
export const buildConfig = (file: FileValue): Config =>
  freeze({
    listen: file.listen,
    admin: {
      listen: file.admin.listen,
      token: file.admin.token,
      tokenFile: file.admin.token_file,
      tls: listenerTls(file.admin.tls),
    },
    cors: {
      origins: file.cors.origins,
      local: file.cors.local,
      headers: file.cors.headers,
      exposeHeaders: file.cors.expose_headers,
      maxAgeMs: file.cors.max_age,
    },
    auth: { keys: file.auth.keys.map(buildKey) },
    backends: file.backends.map(buildBackend),
    routing: {
      strategy: file.routing.strategy,
      numCtx: file.routing.num_ctx,
      zone: file.routing.zone,
      learned: file.routing.learned,
    },
    virtualModels: Object.entries(file.virtual_models).map(([name, { candidates, prefer }]) => ({
      name,
      candidates,
      prefer: lookup(prefer),
    })),
    categories: {
      threshold: file.categories.threshold,
      own: Object.entries(file.categories.own).map(([name, { headers, ...category }]) => ({
        name,
        ...category,
        headers: lookup(
          Object.fromEntries(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const)),
        ),
      })),
    },
    aliases: lookup(file.aliases),
    changes: {
      copies: file.changes.copies,
      rules: file.changes.rules.map(({ models, copies, tags }) => ({ models, copies, tags })),
    },
    embeddings: { split: file.embeddings.split },
    circuitBreaker: {
      failureThreshold: file.circuit_breaker.failure_threshold,
      successThreshold: file.circuit_breaker.success_threshold,
      timeout: file.circuit_breaker.timeout,
      halfOpenRequests: file.circuit_breaker.half_open_requests,
      adaptive: file.circuit_breaker.adaptive,
      heal: file.circuit_breaker.heal,
    },
    queue: {
      maxWaiting: file.queue.max_waiting,
      maxWaitMs: file.queue.max_wait,
      classWeights: file.queue.class_weights,
      maxBytes: file.queue.max_bytes,
      order: file.queue.order,
      shed: file.queue.shed,
      targetWaitMs: file.queue.target_wait,
      promoteAfterMs: file.queue.promote_after,
    },
    retry: {
      maxAttempts: file.retry.max_attempts,
      budget: file.retry.budget,
      stallGuard: file.retry.stall_guard,
      hedgeMs: file.retry.hedge,
    },
    streaming: { keepaliveMs: file.streaming.keepalive },
    placement: { enabled: file.placement.enabled, pin: lookup(file.placement.pin) },
    trace: { path: file.trace.path, maxBytes: file.trace.max_bytes },
    workers: file.workers,
    health: {
      intervalMs: file.health.interval,
      timeoutMs: file.health.timeout,
      unhealthyAfter: file.health.unhealthy_after,
      healthyAfter: file.health.healthy_after,
    },
    limits: {
      bodyBytes: file.limits.body,
      headerBytes: file.limits.header,
      connections: file.limits.connections,
      headTimeoutMs: file.limits.head_timeout,
      bodyIdleTimeoutMs: file.limits.body_idle_timeout,
      writeIdleTimeoutMs: file.limits.write_idle_timeout,
      streamsPerClient: file.limits.streams_per_client,
      streamIdleTimeoutMs: file.limits.stream_idle_timeout,
      drainTimeoutMs: file.limits.drain_timeout,
    },
    state: {
      kind: file.state.kind === 'file' ? 'file' : 'memory',
      ...(file.state.path === undefined ? {} : { path: file.state.path }),
    },
    tls: listenerTls(file.tls),
    metrics: { listen: file.metrics.listen, tls: listenerTls(file.metrics.tls) },
    logging: {
      level: file.logging.level,
      format: file.logging.format === 'auto' ? undefined : file.logging.format,
    },
  });
