/**
 * What to do with the context size (`num_ctx`) that a native request asks for. A server keeps a model in memory with one
 * context size; a request for another one, larger or smaller, makes it load the model again, and two applications that
 * disagree make it load the model for every request.
 *
 * - `keep`: every request goes out as it came. Take it if each application has servers to itself, or if memory for
 *   context is so short that nobody may get more than was asked for.
 * - `ladder`: sizes are rounded up to 2048, 4096, 8192 … so that similar wishes become the same one, and a model that is
 *   in memory with enough context, up to four times the rounded size, answers as it is. Beyond four times the request
 *   loads the model anew, which gives the memory back once nobody needs the large context any more. Take it if
 *   applications with different wishes share servers.
 * - `pin`: a model in memory with enough context always answers as it is; if it has too little, it is loaded with the
 *   pinned size or, where that is more, the size asked for. Take it if you know the size that everybody can live with:
 *   the model is then loaded once.
 *
 * No policy gives a request less context than it asks for. One that asks for nothing means the server's default and is
 * left alone, except to use a model in memory that has at least that much (under `ladder` at most four times as much).
 */
export type NumCtxPolicy = 'keep' | 'ladder' | 'pin';

/** What a request is sent with. */
export interface NumCtxDecision {
  /** Tokens; undefined = the request names none. */
  readonly numCtx: number | undefined;
  /** The model in memory answers, and would have been loaded anew without the policy. */
  readonly avoided: boolean;
}

/** The lowest rung: below it a context saves next to no memory. */
const MIN_RUNG = 2048;
/** From here on the next power of two would be gigabytes that nobody asked for. */
const MAX_RUNG = 131_072;
/** Two rungs: what a larger context costs in memory and speed is less than what a load costs. */
const LADDER_SLACK = 4;

/** The next power of two from 2048 on; sizes beyond 131,072 stay as they are. */
const rungOf = (tokens: number): number => {
  if (tokens > MAX_RUNG) return tokens;
  let rung = MIN_RUNG;
  while (rung < tokens) rung *= 2;
  return rung;
};

/**
 * Decides the context size of one request for one model on one server.
 * @param asked tokens, > 0; undefined = the request names none
 * @param resident tokens of the context with which the model is in memory there; undefined = it is not, or unknown
 * @param defaultCtx tokens that the server takes when nothing is asked; undefined = unknown
 * @param pinned tokens, for `pin`; undefined = no size is pinned, and only models in memory are used as they are
 */
export const numCtxFor = (
  policy: NumCtxPolicy,
  asked: number | undefined,
  resident: number | undefined,
  defaultCtx: number | undefined,
  pinned: number | undefined,
): NumCtxDecision => {
  const wanted = asked ?? defaultCtx;
  if (policy === 'keep' || wanted === undefined) return { numCtx: asked, avoided: false };
  const most = policy === 'ladder' ? LADDER_SLACK * rungOf(wanted) : Infinity;
  if (resident === wanted) return { numCtx: asked, avoided: false };
  if (resident !== undefined && resident > wanted && resident <= most) return { numCtx: resident, avoided: true };
  if (asked === undefined) return { numCtx: undefined, avoided: false };
  return { numCtx: policy === 'ladder' ? rungOf(asked) : Math.max(asked, pinned ?? 0), avoided: false };
};
