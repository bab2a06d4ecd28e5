import type { SimModel } from '../../src/sim/model/models.ts';
import { decodeMsPerToken, prefillMsPerToken } from '../../src/sim/model/profile.ts';
import type { Fleet, ServerSpec } from './fleets.ts';
import { spreadOf, type Spread } from './metrics.ts';
import { promptOf, turnOf, type Session, type Workload } from './workload.ts';

/** What no policy can beat on a workload and a fleet. */
export interface Bounds {
  /** Time to first token on the fastest server, warm, with all of the history remembered and nobody before it. */
  readonly ttftFloor: Spread;
  /** Share 0…1 of the prompt tokens that a memory that never forgets would hold, system prompts included. */
  readonly idealCachedShare: number;
  /**
   * Requests per second that the servers can do if each works on one at a time, warm and with ideal memory. Co-running
   * requests gain up to 1/companySlowdown on top, so this is a scale for rates and not a limit.
   */
  readonly fluidPerSecond: number;
}

/** ms of work of one request on a server, alone and warm. */
const serviceMs = (server: ServerSpec, model: SimModel, fresh: number, output: number): number =>
  fresh * prefillMsPerToken(server.profile, model.size) + output * decodeMsPerToken(server.profile, model.size);

/** What a memory that never forgets holds of the prompts that come one after another. */
class Known {
  readonly #apps = new Set<string>();
  /** Ends of recorded pieces; each name stands for everything up to there. */
  readonly #pieces = new Set<string>();

  /** Tokens at the head of a prompt that came before; it is remembered from now on. */
  of(session: Session, index: number): number {
    if (session.recorded !== undefined) return this.#ofRecorded(session);
    // The very first prompt of an app on a model reads the system prompt too.
    const app = `${session.app} on ${session.model.name}`;
    const tokens = index > 0 || this.#apps.has(app) ? promptOf(session, index).known : 0;
    this.#apps.add(app);
    return tokens;
  }

  #ofRecorded(session: Session): number {
    const turn = turnOf(session, 0, session.at);
    if (turn === undefined) return 0;
    let tokens = 0;
    let common = true;
    for (const segment of [...turn.segments, turn.answer]) {
      const piece = `${segment.text} on ${session.model.name}`;
      common &&= this.#pieces.has(piece) && segment !== turn.answer;
      if (common) tokens += segment.tokens;
      this.#pieces.add(piece);
    }
    return tokens;
  }
}

/** Computes the bounds in O(requests × servers). */
export const boundsOf = (workload: Workload, fleet: Fleet): Bounds => {
  const floors: number[] = [];
  const work = new Map<ServerSpec, number>(fleet.servers.map((server) => [server, 0]));
  const known = new Known();
  let tokens = 0;
  let remembered = 0;
  let requests = 0;
  for (const session of workload.sessions) {
    session.turns.forEach((turn, index) => {
      const prompt = { tokens: promptOf(session, index).tokens, known: known.of(session, index) };
      const fresh = prompt.tokens - prompt.known;
      requests += 1;
      tokens += prompt.tokens;
      remembered += prompt.known;
      let floor = Number.POSITIVE_INFINITY;
      for (const server of fleet.servers) {
        if (!server.models.includes(session.model)) continue;
        floor = Math.min(floor, serviceMs(server, session.model, fresh, 1));
        work.set(server, (work.get(server) ?? 0) + serviceMs(server, session.model, fresh, turn.outputTokens));
      }
      floors.push(floor);
    });
  }
  let fluid = 0;
  for (const ms of work.values()) if (ms > 0) fluid += requests / (ms / 1000);
  return { ttftFloor: spreadOf(floors), idealCachedShare: remembered / tokens, fluidPerSecond: fluid };
};
