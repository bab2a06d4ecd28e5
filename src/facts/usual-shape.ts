import { DEFAULT_SHAPE, type RunnerShape } from '../core/demand.ts';
import { RecentMap } from './recent-map.ts';

const MOST_MODELS = 4_096;
/** How firmly a shape holds at most: so many requests in a row with another one, and that is the usual one. */
const MOST_VOTES = 8;

interface Vote {
  shape: RunnerShape;
  votes: number;
}

/**
 * In which shape the requests for each model mostly come: a bounded majority vote (Boyer and Moore), so that one odd
 * request changes nothing and a new habit does within a few. O(1); the models unasked longest are forgotten.
 */
export class UsualShapes {
  readonly #models = new RecentMap<Vote>(MOST_MODELS, () => ({ shape: DEFAULT_SHAPE, votes: 0 }));

  /** A request for the model was sent in this shape. */
  sent(model: string, shape: RunnerShape): void {
    const vote = this.#models.use(model);
    if (vote.votes === 0) vote.shape = shape;
    const same = vote.shape.numCtx === shape.numCtx && vote.shape.rest === shape.rest;
    vote.votes = same ? Math.min(MOST_VOTES, vote.votes + 1) : vote.votes - 1;
  }

  /** The server's defaults where nobody asked yet. */
  of(model: string): RunnerShape {
    return this.#models.peek(model)?.shape ?? DEFAULT_SHAPE;
  }
}
