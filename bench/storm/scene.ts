import { installModel, type SimModel } from '../../src/sim/model/models.ts';
import type { MachineProfile } from '../../src/sim/model/profile.ts';
import { buildFleet, type Fleet } from '../sim/fleets.ts';
import { presetSpec } from '../sim/presets.ts';
import type { Session, Workload } from '../sim/workload.ts';
import { makeWorkload } from '../sim/workloads.ts';
import { LEAST_ANSWER } from './text.ts';

/** Preset and fleet that are replayed. */
const NAME = 'storm';
/** No session has more turns, so this many requests hold at least the sessions that are asked for. */
const MOST_TURNS = 20;
/** Longer conversations are cut: one of twenty turns would go on for minutes after all others. */
const TURNS_KEPT = 6;
/** Bytes that a simulated server gives a model by each billion in its tag. */
const BYTES_PER_BILLION = 6e8;

/** Where and what is replayed, for sockets and simulator alike. */
export interface Scene {
  readonly workload: Workload;
  readonly fleet: Fleet;
}

/** The queue in front of the servers, the proxy's own and the simulated one: never full. */
export const QUEUE = { maxWaiting: 1000, maxWaitMs: 600_000 } as const;

/** Requests per second of the preset. */
export const PRESET_RATE = presetSpec(NAME, []).rate;

/** The same model as a server over HTTP knows it: by a name alone, whose tag says how large it is. */
const namedModel = (model: SimModel, order: number): SimModel =>
  installModel(`model-${order + 1}:${model.size / BYTES_PER_BILLION}b`, order);

/**
 * The first `sessions` sessions of the preset, up to six turns of each, and its fleet, in life's own time. Answers are at
 * least as long as the servers can be made to write.
 * @param rate requests per second, > 0
 */
export const makeScene = (rate: number, sessions: number, seed: number): Scene => {
  const whole = makeWorkload({ ...presetSpec(NAME, []), rate }, seed, sessions * MOST_TURNS);
  const models = whole.models.map(namedModel);
  const slice = whole.sessions.slice(0, sessions).map((session): Session => {
    const model = models[whole.models.indexOf(session.model)] ?? session.model;
    const kept = session.turns.slice(0, TURNS_KEPT);
    const turns = kept.map((turn) => ({ ...turn, outputTokens: Math.max(LEAST_ANSWER, turn.outputTokens) }));
    return { ...session, model, turns };
  });
  const size = slice.reduce((sum, { turns }) => sum + turns.length, 0);
  const workload = { ...whole, models, sessions: slice, size };
  return { workload, fleet: buildFleet(NAME, { models, contextTokens: whole.contextTokens, seed }) };
};

const faster = (profile: MachineProfile, scale: number): MachineProfile => ({
  ...profile,
  prefillPerSecond: profile.prefillPerSecond * scale,
  decodePerSecond: profile.decodePerSecond * scale,
  loadBaseMs: profile.loadBaseMs / scale,
  loadBytesPerSecond: profile.loadBytesPerSecond * scale,
});

/**
 * The same scene in a world that is `scale` times faster: servers and people alike. What a router holds to be a second
 * stays one, which is why the simulator is asked about this world too, and not only about the real one.
 */
export const speedUp = ({ workload, fleet }: Scene, scale: number): Scene => ({
  workload: {
    ...workload,
    sessions: workload.sessions.map((session) => ({
      ...session,
      at: session.at / scale,
      turns: session.turns.map((turn) => ({
        ...turn,
        thinkMs: turn.thinkMs / scale,
        patienceMs: turn.patienceMs / scale,
      })),
    })),
  },
  fleet: { ...fleet, servers: fleet.servers.map((each) => ({ ...each, profile: faster(each.profile, scale) })) },
});
