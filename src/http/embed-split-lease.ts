import type { Runner } from '../backends/backend.ts';
import type { Lease } from '../backends/registry.ts';
import type { Demand } from '../core/demand.ts';
import type { HandlerParts } from './parts.ts';

/** What a part of a batch asks of a server. @param part of `whole`, in whichever measure */
export const shareOf = (demand: Demand, part: number, whole: number): Demand => ({
  ...demand,
  promptBytes: Math.round((demand.promptBytes * part) / whole),
});

/** Takes a place for a share: foreseen like any other request, so that its server's work and its patience are known. */
export const takeShare = (
  { registry, facts, gate, clock }: Pick<HandlerParts, 'registry' | 'facts' | 'gate' | 'clock'>,
  runner: Runner,
  demand: Demand,
): Lease | undefined => {
  const own = runner.facts;
  if (own === undefined)
    return registry.tryAcquire(runner, { demand, streams: false, expected: undefined, room: false });
  const queue = { waiting: gate.size, hosts: registry.upCount };
  const outlook = facts.foresee(demand, [{ facts: own }], clock.now(), queue, 0);
  const expected = facts.expectation(own, 0, (outlook.load[0] ?? 0) > 0);
  return registry.tryAcquire(runner, { demand, streams: false, expected, room: false });
};
