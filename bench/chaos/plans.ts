import type { PriorityClass } from '../../src/core/types.ts';
import { PRIORITY_CLASSES } from '../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import { installModel, type SimModel } from '../../src/sim/model/models.ts';
import type { Chance } from './chance.ts';

/** Chat models of differing sizes and an embedder. */
const MODELS: readonly SimModel[] = [
  installModel('llama3.1:8b', 0),
  installModel('llama3.2:3b', 1),
  installModel('qwen2.5-coder:7b', 2),
  installModel('mistral:7b', 3),
  installModel('llama3.2:1b', 4),
  installModel('nomic-embed-text', 5),
];

/** One server of a scene. */
export interface ServerPlan {
  readonly id: string;
  /** OLLAMA_NUM_PARALLEL. */
  readonly slots: number;
  /** The operator told the slots. */
  readonly told: boolean;
  /** Times as fast as a middling card. */
  readonly speed: number;
  readonly memoryBytes: number;
  /** OLLAMA_MAX_LOADED_MODELS. */
  readonly maxLoaded: number;
  readonly models: readonly SimModel[];
}

/** Everything that a seed decides before anything happens. */
export interface Plan {
  readonly servers: readonly ServerPlan[];
  readonly models: readonly SimModel[];
  readonly strategy: string;
  readonly requests: number;
  /** Requests per second, on average. */
  readonly rate: number;
  /** Arrivals come one by one, or in bursts of so many. */
  readonly burst: number;
  /** Mean ms between two mishaps. */
  readonly calmMs: number;
  readonly tenants: number;
  /** Shares of requests whose clients leave, and that have a deadline. */
  readonly leaving: number;
  readonly hurried: number;
  /** Share of requests that ask for a context of their own. */
  readonly shaped: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly shed: boolean;
  readonly placement: boolean;
}

const GIB = 2 ** 30;
/** ms that a middling request keeps one slot of a middling card busy. */
const MIDDLING_MS = 2_500;

const serverPlan = (chance: Chance, index: number, models: readonly SimModel[]): ServerPlan => {
  const some = models.filter(() => chance.yes(0.7));
  return {
    id: `s${index}`,
    slots: chance.one([1, 1, 2, 4]),
    told: chance.yes(0.6),
    speed: chance.one([0.3, 1, 1, 2]),
    memoryBytes: chance.one([8, 16, 24, 48]) * GIB,
    maxLoaded: chance.whole(1, 3),
    models: index === 0 || some.length === 0 ? models : some,
  };
};

/** @param requests that arrive; fleets, loads and tempers differ from seed to seed */
export const planOf = (chance: Chance, requests: number): Plan => {
  const models = MODELS.filter(() => chance.yes(0.6));
  if (models.length === 0) models.push(...MODELS.slice(0, 1));
  const count = chance.yes(0.3) ? chance.whole(1, 2) : chance.whole(1, 20);
  const servers = Array.from({ length: count }, (_, index) => serverPlan(chance, index, models));
  const capacity = servers.reduce((sum, { slots, speed }) => sum + (Math.sqrt(slots) * speed * 1000) / MIDDLING_MS, 0);
  return {
    servers,
    models,
    strategy: chance.yes(0.4) ? 'hybrid' : chance.one(STRATEGY_NAMES),
    requests,
    rate: capacity * chance.spread(0.2, 2),
    burst: chance.one([1, 1, 5, 40]),
    calmMs: chance.spread(3_000, 60_000),
    tenants: chance.whole(1, 5),
    leaving: chance.one([0, 0.05, 0.3]),
    hurried: chance.one([0, 0.1, 0.5]),
    shaped: chance.one([0, 0, 0.1]),
    maxWaiting: chance.one([8, 64, 200, 2_000]),
    maxWaitMs: chance.one([5_000, 60_000, 300_000]),
    shed: chance.yes(0.5),
    placement: chance.yes(0.5),
  };
};

/** One request as its client means it. */
export interface Ask {
  readonly number: number;
  readonly model: SimModel;
  readonly promptTokens: number;
  /** 0 = it is an embedding. */
  readonly outputTokens: number;
  readonly streams: boolean;
  readonly session: number;
  /** Earlier messages that stand before the last one. */
  readonly turn: number;
  readonly tenant: string;
  readonly priority: PriorityClass;
  readonly numCtx: number | undefined;
  /** ms after which its client leaves; undefined = it stays. */
  readonly patienceMs: number | undefined;
  /** ms that it may take; Infinity = no deadline. */
  readonly deadlineMs: number;
  /** The answer is not to be had: every server fails on it. */
  readonly poison: boolean;
}

const MOST_TURNS = 5;
const POISON_SHARE = 0.001;

export const askOf = (chance: Chance, plan: Plan, number: number): Ask => {
  // Popularity falls with the place in the list, as one over it.
  const model = plan.models[Math.floor(plan.models.length * chance.next() ** 2)] ?? chance.one(plan.models);
  const embeds = !model.capabilities.includes('completion');
  return {
    number,
    model,
    promptTokens: Math.round(chance.spread(5, 3_000)),
    outputTokens: embeds ? 0 : Math.round(chance.spread(1, 600)),
    streams: !embeds && chance.yes(0.7),
    session: chance.whole(0, 40),
    turn: chance.whole(0, MOST_TURNS),
    tenant: `t${chance.whole(1, plan.tenants)}`,
    priority: chance.one(PRIORITY_CLASSES),
    numCtx: chance.yes(plan.shaped) ? chance.one([2_048, 8_192]) : undefined,
    patienceMs: chance.yes(plan.leaving) ? chance.spread(20, 60_000) : undefined,
    deadlineMs: chance.yes(plan.hurried) ? chance.spread(500, 120_000) : Infinity,
    poison: chance.yes(POISON_SHARE),
  };
};
