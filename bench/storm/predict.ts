import { simulate } from '../sim/driver.ts';
import { ttftMs } from '../sim/record.ts';
import type { Contender } from './contenders.ts';
import type { Sample } from './figures.ts';
import type { Scene } from './scene.ts';
import { Warmed } from './warmed.ts';

/** ms of life before the first session in which every server of the fleet loads every model, and some more. */
const WARMING_MS = 60_000;

/** What the simulator says about one scene. */
export interface Prediction {
  readonly sample: Sample;
  /** ms of the scene's time from the start to the end of the last request. */
  readonly spanMs: number;
}

export interface How {
  /** Seed of what the policy and the prober leave to chance; the workload is the same for all. */
  readonly chance: number;
  /** By which the scene is faster than life; the sample is scaled back. */
  readonly scale: number;
  /** Every server has loaded every model before the first request. */
  readonly warm: boolean;
}

/** Runs the simulator on a scene. */
export const predict = (contender: Contender, { workload, fleet }: Scene, how: How): Prediction => {
  const { tellSlots } = contender;
  const { chance, scale, warm } = how;
  const later = warm ? WARMING_MS / scale : 0;
  const { records, totals } = simulate({
    workload: { ...workload, sessions: workload.sessions.map((each) => ({ ...each, at: each.at + later })) },
    fleet,
    policy: () => (warm ? new Warmed(contender.policy()) : contender.policy()),
    seed: chance,
    tellSlots,
  });
  const served = records.filter(({ end }) => end === 'served');
  return {
    sample: {
      requests: records.length,
      firstMs: served.map((record) => scale * ttftMs(record)),
      loads: totals.loads,
      promptTokens: served.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      cachedTokens: served.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0),
    },
    spanMs: Math.max(0, ...records.map(({ endedAt }) => endedAt)) - later,
  };
};
