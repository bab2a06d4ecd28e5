import type { SeenRequest } from '../../src/sim/http/journal.ts';
import type { SimServer } from '../../src/sim/http/server.ts';

/** Paths that the proxy asks for by itself. */
const PROBES = new Set(['/api/version', '/api/tags', '/api/ps']);

/** What came in, oldest first, the proxy's own probes left out. */
export const seenBy = (sim: SimServer): readonly SeenRequest[] =>
  sim.state().requests.recent.filter(({ path }) => !PROBES.has(path));

/** The latest of them. @throws when there is none */
export const lastSeenBy = (sim: SimServer): SeenRequest => {
  const last = seenBy(sim).at(-1);
  if (last === undefined) throw new Error('the simulated server got no request');
  return last;
};
