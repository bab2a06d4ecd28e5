import { z } from 'zod';
import { patchSchema } from './backends.ts';
import { MAX_WAITING, USUAL_WAITING } from './pool.ts';
import { categorizeSchema, MAX_DECISIONS, strategySchema, USUAL_DECISIONS } from './routing.ts';

/** One call as the document tells of it. */
export interface Operation {
  /** Unique, for generated clients. */
  readonly id: string;
  readonly summary: string;
  /** Name of the schema of what it answers. */
  readonly answer?: string;
  /** Media type where it answers no JSON: a stream without end, or a text. */
  readonly stream?: string;
  readonly text?: string;
  /** Events of the stream, with the names of the schemas of their data. */
  readonly events?: Readonly<Record<string, string>>;
  /** What checks its body; `takes` where the configuration does. */
  readonly body?: z.ZodType;
  readonly takes?: 'backend';
  readonly query?: readonly { readonly name: string; readonly description: string; readonly schema: object }[];
  /** Refusals of its own, by status. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Anybody may call it. */
  readonly open?: true;
}

const UNKNOWN = { 404: 'There is no such backend; the answer names those there are.' };

const limit = (usual: number, most: number) => ({
  name: 'limit',
  description: 'At most so many.',
  schema: { type: 'integer', minimum: 1, maximum: most, default: usual },
});

const flag = (name: string, usual: boolean, description: string) => ({
  name,
  description,
  schema: { type: 'boolean', default: usual },
});

const EXPLAINED = z
  .looseObject({
    model: z.string(),
    prompt: z.string().optional(),
    messages: z.array(z.unknown()).optional(),
    options: z.looseObject({}).optional(),
  })
  .describe('A request as Ollama takes it at /api/chat or /api/generate.');

/** Every call under `/admin/v1/`, by method and pattern. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET backends': {
    id: 'listBackends',
    summary: 'All servers, with what they have and how they are.',
    answer: 'Backends',
  },
  'POST backends': {
    id: 'addBackend',
    summary: 'Adds a server at run time: an entry of `backends` as in the configuration.',
    answer: 'Backend',
    takes: 'backend',
    errors: { 409: 'A backend has this name already.' },
  },
  'GET backends/*': { id: 'getBackend', summary: 'One server.', answer: 'Backend', errors: UNKNOWN },
  'PATCH backends/*': {
    id: 'changeBackend',
    summary: 'Changes the weight of a server, switches it on or off, drains or resumes it.',
    answer: 'Backend',
    body: patchSchema,
    errors: UNKNOWN,
  },
  'DELETE backends/*': {
    id: 'removeBackend',
    summary: 'Removes a server.',
    answer: 'Removed',
    query: [flag('drain', true, 'Let what runs there finish.'), flag('force', false, 'Also when it is the last one.')],
    errors: { ...UNKNOWN, 400: 'A flag is neither true nor false.', 409: 'It is the last one.' },
  },
  'POST backends/*/recover': {
    id: 'recoverBackend',
    summary: 'Closes all circuit breakers of a server and takes it for healthy until the next look.',
    answer: 'Backend',
    errors: UNKNOWN,
  },
  'GET health': { id: 'getHealth', summary: 'Health of the proxy and of each server, in short.', answer: 'Health' },
  'GET strategy': {
    id: 'getStrategy',
    summary: 'The routing strategy in force, and which there are.',
    answer: 'Strategy',
  },
  'PUT strategy': {
    id: 'setStrategy',
    summary: 'Routes by another strategy from now on.',
    answer: 'Strategy',
    body: strategySchema,
  },
  'GET models': { id: 'listModels', summary: 'Models of the pool and where they are.', answer: 'Models' },
  'GET metrics': {
    id: 'getMetrics',
    summary: 'Counts and latencies of each model on each server.',
    answer: 'ModelMetrics',
  },
  'POST metrics/reset': { id: 'resetMetrics', summary: 'Forgets learned history and model metrics.', answer: 'Reset' },
  'POST categorize': {
    id: 'categorize',
    summary: 'The category of a prompt, and why.',
    answer: 'Verdict',
    body: categorizeSchema,
  },
  'GET decisions': {
    id: 'listDecisions',
    summary: 'The last requests, newest first.',
    answer: 'Decisions',
    query: [limit(USUAL_DECISIONS, MAX_DECISIONS)],
    errors: { 400: 'The limit is out of range.' },
  },
  'GET decisions/*': {
    id: 'getDecision',
    summary: 'One past request: how it was decided and what came of it.',
    answer: 'Why',
    errors: { 404: 'It is not among those kept.' },
  },
  'POST explain': {
    id: 'explain',
    summary: 'Ranks the servers for a request without sending it.',
    answer: 'Explanation',
    body: EXPLAINED,
    errors: { 404: 'No server has the model.', 503: 'No server can be ranked for it now.' },
  },
  'GET queue': {
    id: 'getQueue',
    summary: 'Who waits.',
    answer: 'Queue',
    query: [limit(USUAL_WAITING, MAX_WAITING)],
    errors: { 400: 'The limit is out of range.' },
  },
  'GET placement': { id: 'getPlacement', summary: 'What placement does and has done.', answer: 'Placement' },
  'GET estimates': {
    id: 'getEstimates',
    summary: 'What forecasts are made of, each number with samples and age.',
    answer: 'Estimates',
    query: [{ name: 'backend', description: 'Only this one.', schema: { type: 'string' } }],
    errors: UNKNOWN,
  },
  'GET keys': { id: 'listKeys', summary: 'API keys with limits and use; never a key or its hash.', answer: 'Keys' },
  'GET config': { id: 'getConfig', summary: 'The configuration in force, secrets hidden.', answer: 'Config' },
  'POST config/reload': {
    id: 'reloadConfig',
    summary: 'Reads the configuration again, all or nothing.',
    answer: 'Reloaded',
    errors: { 422: 'Something in it is wrong, or there is no file; nothing has changed.' },
  },
  'GET events': {
    id: 'watch',
    summary: 'A snapshot, then changes as they happen (server-sent events).',
    stream: 'text/event-stream',
    events: {
      snapshot: 'SnapshotEvent',
      servers: 'ServersEvent',
      status: 'StatusEvent',
      queue: 'QueueEvent',
      rates: 'RatesEvent',
      decisions: 'DecisionsEvent',
      point: 'PointEvent',
      reload: 'ReloadEvent',
    },
    errors: { 503: 'Too many readers.' },
  },
  'GET series': { id: 'getSeries', summary: 'The last hour at steps of ten seconds.', answer: 'Series' },
  'GET openapi.json': { id: 'getDocument', summary: 'This document.', answer: 'Document' },
};

/** What the listener answers beside the API, by path. */
export const outside: Readonly<Record<string, Operation>> = {
  '/': { id: 'dashboard', summary: 'The dashboard.', text: 'text/html', open: true },
  '/healthz': { id: 'alive', summary: 'The process runs.', answer: 'Alive', open: true },
  '/readyz': {
    id: 'ready',
    summary: 'It can serve: not draining, and a server is up. 503 with the same answer when it cannot.',
    answer: 'Ready',
    open: true,
  },
  '/metrics': { id: 'scrape', summary: 'Metrics for Prometheus.', text: 'text/plain' },
};
