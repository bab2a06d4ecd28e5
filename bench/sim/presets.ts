import { constant, lognormal, through, zipf } from './draw.ts';
import type { WorkloadSpec } from './workloads.ts';

const GB = 1e9;
const MINUTE_MS = 60_000;

/** What every preset starts from: nobody leaves, nobody floods, one tenant in twenty, sessions that arrive by themselves. */
const PLAIN = {
  arrivals: {},
  loop: 'sessions',
  variants: 0,
  tenants: 20,
  aborts: { share: 0, meanMs: 10_000 },
  flipAt: undefined,
  flood: undefined,
} as const satisfies Partial<WorkloadSpec>;

/** 35 % of the requests of a chat trace continue an earlier one: sessions of 1 / (1 − 0.35) turns. */
const CONTINUED_TURNS = 1.54;

/** Eight models from 3 to 20 GB, small ones in front as usage goes; popularity by Zipf's law. */
const EIGHT_MODELS = [5 * GB, 3 * GB, 4 * GB, 8 * GB, 9 * GB, 7 * GB, 14 * GB, 20 * GB];

/**
 * The reference workload: many models, apps with shared system prompts, conversations. Prompts p50 2.5k and p90 8k
 * tokens (σ = ln(8/2.5) / 1.2816), outputs p50 114 and p95 536 (σ = ln(536/114) / 1.6449), think time median 45 s.
 */
const science: WorkloadSpec = {
  ...PLAIN,
  name: 'science',
  modelBytes: EIGHT_MODELS,
  modelShares: zipf(8, 1),
  contextTokens: 16_384,
  apps: { count: 24, exponent: 0.9, systemTokens: lognormal(1500, 0.6) },
  prompt: lognormal(2500, 0.908),
  output: lognormal(114, 0.941),
  turns: 3.5,
  followUps: 0.45,
  thinkMs: lognormal(45_000, 1),
  rate: 3,
};

/** Small and uneven: two models, chat sessions, 0.3 of them a second. */
const storm: WorkloadSpec = {
  ...science,
  name: 'storm',
  modelBytes: [5 * GB, 8 * GB],
  modelShares: [0.65, 0.35],
  contextTokens: 8192,
  apps: { count: 6, exponent: 0.9, systemTokens: lognormal(500, 0.5) },
  prompt: lognormal(1400, 0.8),
  thinkMs: lognormal(20_000, 0.8),
  rate: 0.3 * 3.5,
};

/** Azure 2023, conversation: percentiles of the published trace, nearly Poisson within a day's swing. */
const azureConversation: WorkloadSpec = {
  ...PLAIN,
  name: 'azure-conversation',
  modelBytes: [5 * GB, 8 * GB, 3 * GB, 14 * GB],
  modelShares: zipf(4, 1),
  contextTokens: 8192,
  apps: { count: 24, exponent: 0.9, systemTokens: lognormal(150, 0.5) },
  prompt: through([
    [0, 90],
    [0.05, 181],
    [0.25, 396],
    [0.5, 1020],
    [0.75, 1189],
    [0.9, 2734],
    [0.95, 4083],
    [0.99, 4142],
    [1, 4200],
  ]),
  output: through([
    [0, 10],
    [0.05, 41],
    [0.25, 85],
    [0.5, 129],
    [0.75, 395],
    [0.9, 424],
    [0.95, 451],
    [0.99, 601],
    [1, 900],
  ]),
  turns: CONTINUED_TURNS,
  followUps: 0.1,
  thinkMs: lognormal(123_000, 0.95),
  arrivals: { diurnal: { periodMs: 20 * MINUTE_MS, depth: 0.4 } },
  rate: 3,
};

/** Azure 2023, code: long prompts, answers of a line or two, arrivals in bursts. */
const azureCode: WorkloadSpec = {
  ...azureConversation,
  name: 'azure-code',
  modelBytes: [5 * GB, 3 * GB],
  modelShares: zipf(2, 1),
  contextTokens: 16_384,
  apps: { count: 12, exponent: 0.9, systemTokens: lognormal(60, 0.5) },
  prompt: through([
    [0, 40],
    [0.05, 75],
    [0.25, 578],
    [0.5, 1469],
    [0.75, 2744],
    [0.9, 5187],
    [0.95, 7303],
    [0.99, 7436],
    [1, 7500],
  ]),
  output: through([
    [0, 4],
    [0.05, 6],
    [0.25, 9],
    [0.5, 13],
    [0.75, 24],
    [0.9, 55],
    [0.95, 90],
    [0.99, 251],
    [1, 600],
  ]),
  turns: 1.4,
  arrivals: { shape: 0.5, onOff: { onMs: 15_000, offMs: 25_000 } },
  rate: 5,
};

/** Mooncake, conversation: long contexts. What exceeds 30k tokens is cut, as no card of the fleets holds more. */
const mooncakeConversation: WorkloadSpec = {
  ...PLAIN,
  name: 'mooncake-conversation',
  modelBytes: [5 * GB, 3 * GB, 8 * GB],
  modelShares: zipf(3, 1),
  contextTokens: 32_768,
  apps: { count: 24, exponent: 0.9, systemTokens: lognormal(700, 0.6) },
  prompt: through([
    [0, 450],
    [0.05, 901],
    [0.25, 2300],
    [0.5, 6900],
    [0.75, 15_000],
    [0.9, 27_000],
    [0.95, 40_000],
    [0.99, 85_000],
    [1, 120_000],
  ]),
  output: through([
    [0, 4],
    [0.05, 10],
    [0.25, 156],
    [0.5, 350],
    [0.75, 472],
    [0.9, 597],
    [0.95, 698],
    [0.99, 1118],
    [1, 1600],
  ]),
  turns: CONTINUED_TURNS,
  followUps: 0.1,
  thinkMs: lognormal(123_000, 0.95),
  rate: 0.8,
};

/** Mooncake, tool agents: a large tool list that everybody shares, prompts of 8.6k on average, quick turns. */
const mooncakeToolAgent: WorkloadSpec = {
  ...mooncakeConversation,
  name: 'mooncake-tool-agent',
  apps: { count: 8, exponent: 0.9, systemTokens: lognormal(4000, 0.3) },
  prompt: (rng) => Math.max(2500, lognormal(6700, 0.7)(rng)),
  output: lognormal(84, 1.24),
  turns: 4,
  followUps: 0.5,
  thinkMs: lognormal(8000, 1),
  rate: 1.5,
};

export const PRESETS: Readonly<Record<string, WorkloadSpec>> = {
  science,
  storm,
  'azure-conversation': azureConversation,
  'azure-code': azureCode,
  'mooncake-conversation': mooncakeConversation,
  'mooncake-tool-agent': mooncakeToolAgent,
};

/** The fleet that a preset's rate is meant for. */
export const homeFleet = (preset: string): string => (preset === 'storm' ? 'storm' : 'twenty');

/** What may be put on top of a preset, by name. Each takes the spec and gives a harder one. */
export const VARIANTS: Readonly<Record<string, (spec: WorkloadSpec) => WorkloadSpec>> = {
  /** Five sessions in a hundred ask for another context and make the server load the model again. */
  options: (spec) => ({ ...spec, variants: 0.05 }),
  flip: (spec) => ({ ...spec, flipAt: 8 * MINUTE_MS }),
  flood: (spec) => ({ ...spec, flood: { perSecond: 4, from: 5 * MINUTE_MS, until: 15 * MINUTE_MS } }),
  /** One system prompt for everybody. */
  shared: (spec) => ({ ...spec, apps: { count: 1, exponent: 1, systemTokens: constant(1500) } }),
  /** Nine of ten requests want the same model. */
  hot: (spec) => {
    const rest = zipf(spec.modelBytes.length - 1, 1);
    const sum = rest.reduce((total, share) => total + share, 0);
    return { ...spec, modelShares: [0.9, ...rest.map((share) => (0.1 * share) / sum)] };
  },
  one: (spec) => ({ ...spec, modelBytes: spec.modelBytes.slice(0, 1), modelShares: [1] }),
  /** Thirty models of which the last 28 share a few requests. */
  tail: (spec) => ({
    ...spec,
    modelBytes: Array.from({ length: 30 }, (_, index) => (3 + ((index * 5) % 13)) * GB),
    modelShares: Array.from({ length: 30 }, (_, index) => (index < 2 ? 1 : 0.0015)),
  }),
  aborts: (spec) => ({ ...spec, aborts: { share: 0.3, meanMs: 10_000 } }),
  bursts: (spec) => ({ ...spec, arrivals: { shape: 0.25, onOff: { onMs: 20_000, offMs: 20_000 } } }),
  open: (spec) => ({ ...spec, loop: 'open' }),
  closed: (spec) => ({ ...spec, loop: 'closed' }),
};

/** A preset with variants on top. Throws on names that do not exist. */
export const presetSpec = (preset: string, variants: readonly string[] = []): WorkloadSpec => {
  const base = PRESETS[preset];
  if (base === undefined)
    throw new Error(`no preset is called ${preset}: take one of ${Object.keys(PRESETS).join(', ')}`);
  return variants.reduce((spec, name) => {
    const change = VARIANTS[name];
    if (change === undefined) {
      throw new Error(`no variant is called ${name}: take some of ${Object.keys(VARIANTS).join(', ')}`);
    }
    return { ...change(spec), name: `${spec.name}+${name}` };
  }, base);
};
