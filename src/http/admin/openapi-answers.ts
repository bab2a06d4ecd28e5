import { z } from 'zod';
import { PRIORITY_CLASSES } from '../../core/types.ts';

/**
 * What the calls answer, as schemas for the document. Numbers that may be endless are null in JSON. A test holds them
 * against real answers, member by member.
 */
export const answers = z.registry<{ readonly id: string }>();

const named = <T extends z.ZodType>(id: string, schema: T): T => {
  answers.add(schema, { id });
  return schema;
};

const text = z.string();
const count = z.number().min(0);
const ms = z.number();
const foreseen = z.number().nullable();
const breaker = z.enum(['closed', 'half-open', 'open']);
const health = z.enum(['up', 'down', 'unknown']);
const list = <T extends z.ZodType>(of: T) => z.array(of);
const map = <T extends z.ZodType>(of: T) => z.record(z.string(), of);

const issue = z.object({
  path: text.optional(),
  line: z.int().optional(),
  column: z.int().optional(),
  message: text,
});

named(
  'Error',
  z.object({
    error: text,
    issues: list(issue).optional(),
    backends: list(text).optional(),
    available: list(text).optional(),
  }),
);

const ill = named('Ill', z.object({ kind: text, model: text.optional(), since: text, evidence: text }));

const server = {
  name: text,
  url: text,
  weight: z.number().positive(),
  slots: z.union([z.int().min(1), z.literal('auto')]),
  zone: text,
  enabled: z.boolean(),
  draining: z.boolean(),
  health,
  lastError: text.optional(),
  version: text.optional(),
  inflight: count,
  breaker,
  ills: list(ill),
};

const backend = named(
  'Backend',
  z.object({
    ...server,
    models: list(z.object({ name: text, loaded: z.boolean(), running: count, breaker, digest: text })),
  }),
);
named('Backends', z.object({ backends: list(backend) }));
named('Removed', z.object({ removed: text, running: count }));
named(
  'Health',
  z.object({
    ready: z.boolean(),
    reason: text,
    backends: map(z.object({ healthy: z.boolean(), health, breaker, lastError: text.optional() })),
  }),
);
named('Ready', z.object({ ready: z.boolean(), reason: text }));
named('Alive', z.object({ status: z.literal('ok') }));

const strategy = { strategy: text, available: list(text) };
const part = z.number().min(0).max(1);
const learned = z.object({
  shadow: z.boolean(),
  default: text,
  why: text,
  trying: part,
  trial: text.optional(),
  epochs: count,
  epochMs: ms.optional(),
  leastGain: z.number(),
  sure: part,
  decisions: count,
  arms: list(
    z.object({
      arm: text,
      gain: z.object({ mean: z.number(), sd: count }),
      better: part,
      epochs: count,
      foretold: z.object({ agrees: part, meanCostMs: ms, reward: z.number() }),
    }),
  ),
});
named('Strategy', z.object({ ...strategy, learned: learned.optional() }));
named(
  'Models',
  z.object({
    models: list(
      z.object({
        name: text,
        backends: list(z.object({ name: text, digest: text, loaded: z.boolean() })),
        digestsDiffer: z.boolean(),
      }),
    ),
  }),
);

const counts = { totalRequests: count, successfulTasks: count, failedTasks: count, averageLatencyMs: ms };
named(
  'ModelMetrics',
  z.object({
    models: map(z.object({ ...counts, p50LatencyMs: ms, p95LatencyMs: ms, byCategory: map(z.object(counts)) })),
  }),
);
named('Reset', z.object({ reset: z.literal(true) }));
const share = z.number().min(0).max(1);
named(
  'Verdict',
  z.object({
    category: text,
    confidence: share,
    why: text,
    probabilities: map(share),
    evidence: list(z.object({ what: text, weights: map(z.number()) })),
    by: text,
  }),
);

const byClass = z.object({ interactive: count, normal: count, batch: count });
const priority = z.enum(PRIORITY_CLASSES);
const queueCounts = z.object({ promotions: count, shed: count });
named(
  'Queue',
  z.object({
    waiting: byClass,
    bytes: count,
    requests: list(
      z.object({
        id: text.optional(),
        lane: text,
        class: priority,
        tenant: text,
        returning: z.boolean(),
        waitedMs: ms,
        deadlineInMs: ms.optional(),
      }),
    ),
    tenants: list(z.object({ tenant: text, class: priority, counter: z.number(), waiting: count })),
    counts: queueCounts,
  }),
);

const action = {
  kind: text,
  backend: text,
  model: text,
  reason: text,
  priceMs: foreseen,
  gainMs: foreseen,
  victims: list(text),
};
named(
  'Placement',
  z.object({
    enabled: z.boolean(),
    pins: list(z.object({ backend: text, model: text, state: text })),
    pending: list(z.object(action)),
    recent: list(z.object({ ...action, result: text, message: text, tookMs: ms, agoMs: ms })),
    counts: list(z.object({ kind: text, result: text, count })),
  }),
);

const estimated = { value: foreseen, samples: count, ageMs: ms.optional() };
const estimate = named('Estimate', z.object(estimated));
named(
  'Estimates',
  z.object({
    serviceMs: ms,
    backends: list(
      z.object({
        name: text,
        slope: estimate,
        ghostRequests: count,
        roundTripMs: ms,
        slots: z.object({ configured: z.union([z.int(), z.literal('auto')]), proven: count }),
        capacity: z.object({
          configuredBytes: count.optional(),
          provenBytes: count,
          exceededBytes: count.optional(),
          provenCount: count,
          exceededCount: count.optional(),
        }),
        models: list(
          z.object({
            model: text,
            prefillMsPerToken: estimate,
            decodeMsPerToken: estimate,
            loadMs: estimate,
            slots: estimate,
            slowFirst: z.number(),
            slowToken: z.number(),
            memory: z.object({
              sequences: count,
              marks: count,
              bytes: count,
              ageMs: ms.optional(),
              trust: list(z.object({ ...estimated, kind: text, depth: count })),
            }),
            suspicion: z.enum(['none', 'spill', 'gpu-lost']),
          }),
        ),
      }),
    ),
    models: list(
      z.object({
        model: text,
        tokensPerByte: estimate,
        arrivalsPerMinute: count,
        interestPerMinute: count,
        answers: list(z.object({ app: text, tokens: estimate, p90: count })),
      }),
    ),
    suspects: list(z.object({ backend: text, model: text, reason: text })),
  }),
);

const usage = z.object({
  promptTokens: count.optional(),
  outputTokens: count.optional(),
  cachedTokens: count.optional(),
  loadMs: ms.optional(),
  prefillMs: ms.optional(),
  decodeMs: ms.optional(),
});
const outcome = z.object({
  kind: z.enum(['served', 'client-error', 'backend-failed', 'client-left']),
  status: z.int().optional(),
  firstByteMs: ms.optional(),
  totalMs: ms,
  usage: usage.optional(),
  phase: text.optional(),
  blame: text.optional(),
  reason: text.optional(),
  message: text.optional(),
  died: z.boolean().optional(),
});
const record = {
  id: text,
  time: text,
  method: text,
  path: text,
  endpoint: z.enum(['chat', 'generate', 'embed', 'other']),
  model: text.optional(),
  category: text.optional(),
  categoryWhy: text.optional(),
  strategy: text.optional(),
  arm: text.optional(),
  attempts: list(
    z.object({
      backend: text,
      model: text,
      why: text,
      outcome,
      foreseenFirstMs: ms.optional(),
      cachedTokens: count.optional(),
      evictions: count.optional(),
      hedge: z.literal(true).optional(),
    }),
  ),
  parallel: z.literal(true).optional(),
  key: text.optional(),
  outcome: z.enum(['served', 'client-error', 'failed', 'client-left', 'refused']),
  status: z.int(),
  error: text.optional(),
  queueMs: ms,
  firstByteMs: ms.optional(),
  totalMs: ms,
  usage: usage.optional(),
};
const ended = named('Request', z.object(record));
named('Decisions', z.object({ decisions: list(ended) }));

const terms = named(
  'Terms',
  z.object({
    wait: foreseen,
    load: foreseen,
    prefill: foreseen,
    decode: foreseen,
    slowdown: foreseen,
    evict: foreseen,
    harm: foreseen,
    congestion: foreseen,
    risk: foreseen,
  }),
);
const predicted = named(
  'Predicted',
  z.object({
    waitMs: foreseen,
    loadMs: foreseen,
    prefillMs: foreseen,
    decodeMs: foreseen,
    firstTokenMs: foreseen,
    totalMs: foreseen,
    cachedTokens: foreseen,
  }),
);
const candidate = named(
  'Candidate',
  z.object({
    id: text,
    backend: text,
    model: text,
    chosen: z.boolean(),
    ready: z.boolean(),
    cost: foreseen,
    successRate: z.number().min(0).max(1),
    terms,
    predicted,
    backlogMs: foreseen,
    slots: foreseen,
    slowFirst: foreseen,
    slowToken: foreseen,
  }),
);
const decided = z.object({
  id: text,
  model: text,
  category: text,
  strategy: text,
  attempts: list(
    z.object({
      attempt: z.int().min(1),
      time: text,
      decisions: z.int().min(1),
      promptTokens: count,
      outputTokens: count,
      serviceMs: ms,
      pressure: z.number(),
      atFirst: z.object({ backend: text, waitMs: foreseen, firstTokenMs: foreseen, totalMs: foreseen }).nullable(),
      candidates: list(candidate),
      leftOut: count,
    }),
  ),
  droppedAttempts: count,
  observed: z
    .object({
      queueMs: ms.optional(),
      firstByteMs: ms.optional(),
      totalMs: ms.optional(),
      loadMs: ms.optional(),
      prefillMs: ms.optional(),
      decodeMs: ms.optional(),
      cachedTokens: count.optional(),
      outputTokens: count.optional(),
    })
    .nullable(),
});
named('Why', z.object(record).partial().required({ id: true }).extend({ decided: decided.optional() }));
named(
  'Explanation',
  z.object({
    strategy: text,
    understood: z.object({
      model: text,
      category: text,
      categoryWhy: text.optional(),
      kind: text,
      promptTokens: count,
      outputTokens: count,
      outputLimit: count.optional(),
      shape: z.object({ numCtx: count.optional(), rest: text }),
      app: text,
    }),
    candidates: list(candidate),
    obstacles: list(z.object({ backend: text, why: text })),
    wouldWait: z.boolean(),
  }),
);

const limit = count.optional();
named(
  'Keys',
  z.object({
    keys: list(
      z.object({
        name: text,
        tenant: text,
        class: priority.optional(),
        models: list(text).optional(),
        routes: list(text),
        allowPin: z.boolean(),
        notAfter: text.optional(),
        expired: z.boolean(),
        limits: z.object({ requestsPerMinute: limit, concurrent: limit, tokensPerMinute: limit, tokensPerDay: limit }),
        usage: z.object({
          running: count,
          requestsInMinute: count,
          tokensInMinute: count,
          tokensToday: count,
          tokensReserved: count,
          dayEndsInMs: ms,
        }),
        totals: z.object({ requests: map(count), promptTokens: count, outputTokens: count }),
      }),
    ),
  }),
);
named('Config', z.looseObject({}));
named(
  'Reloaded',
  z.object({ changes: list(z.object({ path: text, before: z.unknown().optional(), after: z.unknown().optional() })) }),
);

const column = list(z.number().nullable());
const point = z.number().nullable();
const series = named(
  'Series',
  z.object({
    stepMs: z.int(),
    endedAt: z.int(),
    firstTokenP50Ms: column,
    firstTokenP95Ms: column,
    tokensInPerSecond: column,
    tokensOutPerSecond: column,
    requestsPerSecond: column,
    failedPerSecond: column,
    waiting: column,
    inflight: column,
  }),
);
named('Document', z.looseObject({ openapi: text }));

// ---- events ----

const serverEvent = named(
  'Server',
  z.object({
    ...server,
    installed: count,
    models: list(
      z.object({
        name: text,
        loaded: z.boolean(),
        running: count,
        slots: z.number().nullable(),
        breaker,
        sizeBytes: count,
        vramBytes: count,
        contextLength: count,
        expiresAt: z.int().nullable(),
      }),
    ),
  }),
);
const statusEvent = named('StatusEvent', z.object({ ready: z.boolean(), reason: text, ...strategy, version: text }));
const queueEvent = named('QueueEvent', z.object({ waiting: byClass, bytes: count, counts: queueCounts }));
const ratesEvent = named(
  'RatesEvent',
  z.object({
    requestsPerSecond: count,
    failedPerSecond: count,
    tokensInPerSecond: count,
    tokensOutPerSecond: count,
    firstTokenP50Ms: z.number().nullable(),
    firstTokenP95Ms: z.number().nullable(),
  }),
);
const row = named(
  'DecisionRow',
  z.object({
    id: text,
    time: text,
    endpoint: text,
    model: text.nullable(),
    category: text.nullable(),
    strategy: text.nullable(),
    backend: text.nullable(),
    why: text.nullable(),
    outcome: text,
    status: z.int(),
    error: text.nullable(),
    attempts: count,
    candidates: count,
    queueMs: ms,
    firstByteMs: ms.nullable(),
    totalMs: ms,
    streamed: z.boolean(),
    foreseenMs: ms.nullable(),
    seenMs: ms.nullable(),
    terms: terms.nullable(),
    predicted: predicted.nullable(),
  }),
);
const reloadEvent = named(
  'ReloadEvent',
  z.object({ at: z.int(), who: text, ok: z.boolean(), changed: list(text), issues: list(text) }),
);
named('ServersEvent', z.object({ changed: list(serverEvent), gone: list(text) }));
named('DecisionsEvent', z.object({ rows: list(row) }));
named(
  'PointEvent',
  z.object({
    at: z.int(),
    firstTokenP50Ms: point,
    firstTokenP95Ms: point,
    tokensInPerSecond: point,
    tokensOutPerSecond: point,
    requestsPerSecond: point,
    failedPerSecond: point,
    waiting: point,
    inflight: point,
  }),
);
named(
  'SnapshotEvent',
  z.object({
    at: z.int(),
    servers: list(serverEvent),
    decisions: list(row),
    status: statusEvent,
    queue: queueEvent,
    rates: ratesEvent,
    series,
    reloads: list(reloadEvent),
  }),
);
