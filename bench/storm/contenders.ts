import { ours } from '../sim/ours.ts';
import { policyOf } from '../sim/policies.ts';
import type { SimPolicy } from '../sim/policy.ts';
import { QUEUE } from './scene.ts';

/** Something that stands in front of the servers, on the wire and in the simulator. */
export interface Contender {
  readonly name: string;
  readonly front:
    | { readonly kind: 'proxy'; readonly tellSlots: boolean }
    /** `method` is nginx's directive for how a server is chosen; none = in turn. */
    | { readonly kind: 'nginx'; readonly method: string };
  /** Whether the simulated policy is told the slots of each server. */
  readonly tellSlots: boolean;
  readonly policy: () => SimPolicy;
}

const router = (name: string, tellSlots: boolean): Contender => ({
  name,
  front: { kind: 'proxy', tellSlots },
  tellSlots,
  // The proxy turns lower classes away when waits grow; left on here as it is there.
  policy: () => ours({ name, strategy: 'hybrid', gate: { ...QUEUE, shed: true } }),
});

const nginx = (name: string, method: string, policy: string): Contender => ({
  name,
  front: { kind: 'nginx', method },
  tellSlots: true,
  policy: () => policyOf(policy)({ retry: false }),
});

/** In the order in which they run. */
export const CONTENDERS: readonly Contender[] = [
  router('hybrid', true),
  router('hybrid-auto', false),
  nginx('nginx-least-conn', 'least_conn;', 'least-connections'),
  nginx('nginx-round-robin', '', 'round-robin'),
];
