import type { SimResult } from './driver.ts';
import type { FaultPlan } from './faults.ts';

/** Shares 0…1 of all attempts that went to the servers that something was the matter with. */
export interface Traffic {
  /** Until it began; NaN where it was so from the start. */
  readonly before: number;
  /** While it lasted. */
  readonly during: number;
  /** While it lasted, without what each server was sent until its third answer: what was learned from three. */
  readonly afterThree: number;
}

/** Answers after which a policy may be expected to know a server. */
const ANSWERS = 3;

/** Sums up where the attempts went; undefined where the plan hits no server, or all of them. */
export const trafficOf = ({ sends, records }: SimResult, plan: FaultPlan): Traffic | undefined => {
  const bad = new Set(plan.servers.map(({ server }) => server));
  const servers = new Set(sends.map(({ server }) => server));
  if (bad.size === 0 || [...servers].every((server) => bad.has(server))) return undefined;
  const from = Math.min(...plan.servers.map((span) => span.from));
  const until = Math.max(...plan.servers.map((span) => span.until));
  const known = new Map(
    [...bad].map((server) => {
      const ends = records
        .filter((each) => each.server === server && each.end === 'served' && each.sentAt >= from)
        .map(({ endedAt }) => endedAt)
        .sort((a, b) => a - b);
      return [server, ends[ANSWERS - 1] ?? Number.POSITIVE_INFINITY] as const;
    }),
  );
  const share = (inside: readonly { readonly server: string; readonly at: number }[], late: boolean): number => {
    const hit = inside.filter(({ server, at }) => bad.has(server) && (!late || at >= (known.get(server) ?? 0)));
    return inside.length === 0 ? Number.NaN : hit.length / inside.length;
  };
  const during = sends.filter(({ at }) => at >= from && at < until);
  return {
    before: share(
      sends.filter(({ at }) => at < from),
      false,
    ),
    during: share(during, false),
    afterThree: share(during, true),
  };
};
