import type { ChangeRule, Config, Copies } from '../../config/types.ts';
import { modelKey } from '../../core/model-name.ts';
import { fitsPattern } from '../../core/model-pattern.ts';

/** A server as far as it matters for where a model goes. */
export interface Server {
  /** Relative capacity, > 0. */
  readonly weight: number;
  readonly inflight: number;
  readonly slots: number | 'auto';
  readonly tags: readonly string[];
  /** All its models together. */
  readonly storedBytes: number;
  /** It has the model, or is getting it right now. */
  readonly holds: boolean;
}

/** What the configuration says about one model. */
export interface ChangePolicy {
  readonly copies: Copies;
  readonly tags: readonly string[];
}

const policyOf = (rule: ChangeRule | undefined, changes: Config['changes']): ChangePolicy => ({
  copies: rule?.copies ?? changes.copies,
  tags: rule?.tags ?? [],
});

/** The policy for a model: that of the first rule with a pattern for its name, else the general one. */
export const policyFor = (name: string, changes: Config['changes']): ChangePolicy => {
  const key = modelKey(name);
  return policyOf(
    changes.rules.find(({ models }) => models.some((pattern) => fitsPattern(pattern, key))),
    changes,
  );
};

/** The policy for files that come before the name of their model is known: only a rule for every model (`*`) counts. */
export const policyForFiles = (changes: Config['changes']): ChangePolicy =>
  policyOf(
    changes.rules.find(({ models }) => models.includes('*')),
    changes,
  );

/** Has every tag that the policy asks for? */
export const hasTags = (server: Pick<Server, 'tags'>, policy: ChangePolicy): boolean =>
  policy.tags.every((tag) => server.tags.includes(tag));

const full = ({ slots, inflight }: Server): boolean => slots !== 'auto' && inflight >= slots;
/** What one more request would make of its load. */
const load = ({ weight, inflight }: Server): number => (inflight + 1) / weight;

/** How full its disk is of models, for its weight: what spreads models over an idle pool. */
const stored = ({ weight, storedBytes }: Server): number => storedBytes / weight;

/**
 * The servers that get a model, best first: with the policy's tags, as many as it wants. Those that hold it come first,
 * because their pull only compares manifests; then those with a free slot, then by load for their weight, and of equally
 * busy ones those with fewer models on disk. Servers that are alike stay in their order.
 */
export const chooseServers = <S extends Server>(servers: readonly S[], policy: ChangePolicy): readonly S[] => {
  const { copies } = policy;
  const wanted = copies === 'all' ? Infinity : copies === 'any' ? 1 : copies;
  const before = (a: S, b: S): number =>
    Number(b.holds) - Number(a.holds) ||
    Number(full(a)) - Number(full(b)) ||
    load(a) - load(b) ||
    stored(a) - stored(b);
  return servers
    .filter((server) => hasTags(server, policy))
    .toSorted(before)
    .slice(0, wanted);
};

/**
 * The server that uploaded files go to, and the create that needs them: the one of last time while it is among them,
 * else the one with most weight, of equals the first. The policy's tags are a wish here: files that no server may take
 * would be no help to anybody.
 */
export const chooseBuildServer = <S extends Pick<Server, 'weight' | 'tags'> & { readonly name: string }>(
  servers: readonly S[],
  policy: ChangePolicy,
  lastTime: string | undefined,
): S | undefined => {
  const same = servers.find(({ name }) => name === lastTime);
  if (same !== undefined) return same;
  const fitting = servers.filter((server) => hasTags(server, policy));
  const among = fitting.length > 0 ? fitting : servers;
  return among.toSorted((a, b) => b.weight - a.weight)[0];
};
