import { TASK_CATEGORIES, type PriorityClass } from '../../src/core/types.ts';
import { seededRng, type Rng } from '../../src/core/rng.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import { installModel, type SimModel } from '../../src/sim/model/models.ts';
import { arrivalTimes, type Arrivals } from './arrivals.ts';
import { geometric, lognormal, weighted, zipf, type Draw } from './draw.ts';
import type { Loop, Session, TurnPlan, Workload } from './workload.ts';

/** Everything that shapes a workload; the presets are values of this. */
export interface WorkloadSpec {
  readonly name: string;
  /** Bytes of the models, most popular first. */
  readonly modelBytes: readonly number[];
  /** Share of each model; one per model. */
  readonly modelShares: readonly number[];
  /** Context that the servers are set to; longer prompts do not occur. */
  readonly contextTokens: number;
  readonly apps: { readonly count: number; readonly exponent: number; readonly systemTokens: Draw };
  /** Tokens of whole prompts, history included, over all requests. */
  readonly prompt: Draw;
  readonly output: Draw;
  /** Mean turns of a session, geometric. */
  readonly turns: number;
  /** Share of later turns that only add a short message, 0…1. The others grow to the next drawn prompt length. */
  readonly followUps: number;
  readonly thinkMs: Draw;
  readonly arrivals: Arrivals;
  /** Mean requests per second. */
  readonly rate: number;
  readonly loop: Loop;
  /** Share of sessions that ask for half of the context, and so for another runner. */
  readonly variants: number;
  readonly tenants: number;
  /** Share of requests whose client leaves, and the mean ms after which it does. */
  readonly aborts: { readonly share: number; readonly meanMs: number };
  /** ms at which the two most popular models change places. */
  readonly flipAt: number | undefined;
  /** One tenant that sends `perSecond` single requests more, between two times. */
  readonly flood: { readonly perSecond: number; readonly from: number; readonly until: number } | undefined;
}

/** No conversation goes on for longer: beyond it prompts would not fit any context. */
const MAX_TURNS = 20;
/** The shortest message that anybody types, and what a short one has: a sentence or two. */
const LEAST_MESSAGE = 8;
const SHORT_MESSAGE = lognormal(40, 0.8);
/** Room that the longest answer needs behind its prompt. */
const ANSWER_ROOM = 1024;
/** Draws of an app whose system prompt is short enough for the prompt, before the shortest one is taken. */
const APP_DRAWS = 8;
const PRIORITIES: readonly PriorityClass[] = ['interactive', 'normal', 'batch'];
const PRIORITY_SHARES = [0.5, 0.4, 0.1];

interface App {
  readonly name: string;
  readonly category: string;
  readonly systemTokens: number;
}

/** A chat model of so many bytes, trained for more context than any benchmark asks. */
export const benchModel = (name: string, bytes: number, order: number): SimModel => ({
  ...installModel(name, order),
  size: bytes,
  contextLength: 131_072,
});

const modelsOf = (spec: WorkloadSpec): readonly SimModel[] =>
  spec.modelBytes.map((bytes, index) => benchModel(`model-${index + 1}:${(bytes / 6e8).toFixed(0)}b`, bytes, index));

const appsOf = (spec: WorkloadSpec, rng: Rng): readonly App[] =>
  Array.from({ length: spec.apps.count }, (_, index) => ({
    name: `${index}-app`,
    category: TASK_CATEGORIES[index % TASK_CATEGORIES.length] ?? 'unknown',
    systemTokens: Math.min(Math.round(spec.apps.systemTokens(rng)), spec.contextTokens / 2),
  }));

/** One stream of chance per question, so that changing one part of a workload leaves the others as they were. */
const streams = (seed: number): ((question: string) => Rng) => {
  return (question) => seededRng(hash32(question, seed));
};

/**
 * Makes a workload. The same spec, seed and size give the same one, request by request. Prompt lengths of a session are
 * drawn first and sorted, so that over all requests they follow `spec.prompt` although each turn repeats the one before.
 * @param requests how many requests, ≥ 1; the last session is cut to fit
 */
export const makeWorkload = (spec: WorkloadSpec, seed: number, requests: number): Workload => {
  const stream = streams(seed);
  const models = modelsOf(spec);
  const apps = appsOf(spec, stream('apps'));
  const make = sessionMaker(spec, models, apps, stream);
  const perSecond = spec.rate / meanTurns(spec);
  const next = arrivalTimes(spec.arrivals, perSecond, stream('arrivals'));
  const sessions: Session[] = [];
  let size = 0;
  while (size < requests) {
    const at = next();
    const session = make(`${sessions.length}`, at, requests - size);
    sessions.push(session);
    size += session.turns.length;
  }
  const flooded = floodOf(spec, models, sessions.at(-1)?.at ?? 0, stream('flood'));
  const all = [...sessions, ...flooded].sort((a, b) => a.at - b.at);
  return {
    name: spec.name,
    loop: spec.loop,
    users: Math.max(1, Math.round(perSecond * meanSessionSeconds(spec, stream('think mean')))),
    models,
    contextTokens: spec.contextTokens,
    sessions: all,
    size: size + flooded.length,
  };
};

const meanTurns = (spec: WorkloadSpec): number => {
  if (spec.turns <= 1) return 1;
  const more = 1 - 1 / spec.turns;
  return (1 - more ** MAX_TURNS) / (1 - more);
};

const THINK_SAMPLES = 2000;
/** Seconds that an answer takes on a pool that keeps up: sets how many people a closed loop needs for the rate. */
const ANSWER_SECONDS = 5;

const meanSessionSeconds = (spec: WorkloadSpec, rng: Rng): number => {
  let think = 0;
  for (let sample = 0; sample < THINK_SAMPLES; sample += 1) think += spec.thinkMs(rng) / 1000 / THINK_SAMPLES;
  return meanTurns(spec) * (think + ANSWER_SECONDS);
};

type Maker = (id: string, at: number, mostTurns: number) => Session;

const sessionMaker = (
  spec: WorkloadSpec,
  models: readonly SimModel[],
  apps: readonly App[],
  stream: (question: string) => Rng,
): Maker => {
  const rng = {
    app: stream('app'),
    model: stream('model'),
    turns: stream('turns'),
    prompt: stream('prompt'),
    follow: stream('follow-up'),
    message: stream('message'),
    output: stream('output'),
    think: stream('think'),
    variant: stream('variant'),
    tenant: stream('tenant'),
    abort: stream('abort'),
  };
  const appWeights = zipf(apps.length, spec.apps.exponent);
  const turnsDraw = geometric(spec.turns);
  const longest = spec.contextTokens - ANSWER_ROOM;
  const shortestApp = apps.reduce((a, b) => (b.systemTokens < a.systemTokens ? b : a));

  const appFor = (promptTokens: number): App => {
    for (let draw = 0; draw < APP_DRAWS; draw += 1) {
      const app = apps[weighted(appWeights, rng.app)];
      if (app !== undefined && app.systemTokens + LEAST_MESSAGE <= promptTokens) return app;
    }
    return shortestApp;
  };

  const modelAt = (at: number): SimModel => {
    const index = weighted(spec.modelShares, rng.model);
    const flipped = spec.flipAt !== undefined && at >= spec.flipAt && index < 2 ? 1 - index : index;
    const model = models[flipped] ?? models[0];
    if (model === undefined) throw new Error(`workload ${spec.name} has no models: give modelBytes at least one`);
    return model;
  };

  return (id, at, mostTurns) => {
    const count = Math.min(turnsDraw(rng.turns), MAX_TURNS);
    const prompts: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const before = rng.follow.next() < spec.followUps ? prompts.at(-1) : undefined;
      prompts.push(before ?? Math.min(Math.round(spec.prompt(rng.prompt)), longest));
    }
    prompts.sort((a, b) => a - b);
    const app = appFor(prompts[0] ?? 0);
    const model = modelAt(at);
    const turns: TurnPlan[] = [];
    let history = app.systemTokens;
    for (const prompt of prompts) {
      const short = LEAST_MESSAGE + Math.round(SHORT_MESSAGE(rng.message));
      const messageTokens = Math.max(short, prompt - history);
      const outputTokens = Math.min(ANSWER_ROOM, Math.max(1, Math.round(spec.output(rng.output))));
      const leaves = rng.abort.next() < spec.aborts.share;
      const patienceMs = leaves ? -Math.log(1 - rng.abort.next()) * spec.aborts.meanMs : Number.POSITIVE_INFINITY;
      if (history + messageTokens > longest && turns.length > 0) break;
      turns.push({ messageTokens, outputTokens, thinkMs: spec.thinkMs(rng.think), patienceMs });
      history += messageTokens + outputTokens;
    }
    return {
      id,
      at,
      tenant: `t${Math.floor(rng.tenant.next() * spec.tenants)}`,
      app: app.name,
      category: app.category,
      priority: PRIORITIES[weighted(PRIORITY_SHARES, rng.tenant)] ?? 'normal',
      model,
      numCtx: rng.variant.next() < spec.variants ? spec.contextTokens / 2 : undefined,
      systemTokens: app.systemTokens,
      turns: turns.slice(0, mostTurns),
    };
  };
};

/** The tenant name of the flood. */
export const FLOODER = 'flooder';

/** Single questions of one tenant to the most popular model, as a script in a loop sends them. */
const floodOf = (spec: WorkloadSpec, models: readonly SimModel[], endsAt: number, rng: Rng): readonly Session[] => {
  const [model] = models;
  if (spec.flood === undefined || model === undefined) return [];
  const { from, perSecond } = spec.flood;
  const until = Math.min(spec.flood.until, endsAt);
  const next = arrivalTimes({}, perSecond, rng);
  const sessions: Session[] = [];
  for (let at = from + next(); at < until; at = from + next()) {
    const messageTokens = Math.max(LEAST_MESSAGE, Math.min(Math.round(spec.prompt(rng)), spec.contextTokens / 2));
    const outputTokens = Math.min(ANSWER_ROOM, Math.max(1, Math.round(spec.output(rng))));
    sessions.push({
      id: `f${sessions.length}`,
      at,
      tenant: FLOODER,
      app: 'flood-app',
      category: 'unknown',
      priority: 'normal',
      model,
      numCtx: undefined,
      systemTokens: 0,
      turns: [{ messageTokens, outputTokens, thinkMs: 0, patienceMs: Number.POSITIVE_INFINITY }],
    });
  }
  return sessions;
};
