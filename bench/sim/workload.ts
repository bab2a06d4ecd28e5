import type { Demand, PrefixMark } from '../../src/core/demand.ts';
import type { PriorityClass } from '../../src/core/types.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import type { SimModel } from '../../src/sim/model/models.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';

/** What a policy may know of a request: what stands in its head and its body, and not how long the answer will be. */
export interface SimJob {
  readonly id: string;
  /** ms of virtual time at which it arrived. */
  readonly at: number;
  readonly session: string;
  readonly tenant: string;
  readonly app: string;
  readonly category: string;
  readonly priority: PriorityClass;
  /** In the spelling of `modelKey`. */
  readonly model: string;
  readonly demand: Demand;
}

/** A request with all that only the driver and a run with perfect knowledge may see. */
export interface SimTurn extends SimJob {
  readonly simModel: SimModel;
  readonly segments: readonly Segment[];
  readonly outputTokens: number;
  readonly answer: Segment;
  /** ms between the end of this answer and the next turn. */
  readonly thinkMs: number;
  /** ms after its arrival at which the client leaves; Infinity = stays to the end. */
  readonly patienceMs: number;
}

export interface TurnPlan {
  readonly messageTokens: number;
  readonly outputTokens: number;
  readonly thinkMs: number;
  readonly patienceMs: number;
}

/** A request as it was recorded: it stands for itself, and nothing is made up from its session's history. */
export interface Recorded {
  /** Of the client's session, shared by the requests in it. */
  readonly session: string;
  readonly demand: Demand;
  readonly segments: readonly Segment[];
  readonly answer: Segment;
}

/** One conversation: a system prompt, and turns of which each repeats all that was said before. */
export interface Session {
  readonly id: string;
  /** ms at which its first turn arrives; in a closed loop it starts when a user is free instead. */
  readonly at: number;
  readonly tenant: string;
  readonly app: string;
  readonly category: string;
  readonly priority: PriorityClass;
  readonly model: SimModel;
  /** Context that it asks for; undefined = the server's own. */
  readonly numCtx: number | undefined;
  readonly systemTokens: number;
  readonly turns: readonly TurnPlan[];
  /** Of a session that is a single recorded request: one turn, whose `messageTokens` is its whole prompt. */
  readonly recorded?: Recorded;
}

/**
 * How turns follow each other.
 * - `sessions`: sessions arrive by themselves, a turn follows its predecessor's end and a think time;
 * - `open`: every turn has its time from the beginning, whether or not the one before was answered;
 * - `closed`: `users` people, each with one session at a time.
 */
export type Loop = 'sessions' | 'open' | 'closed';

export interface Workload {
  readonly name: string;
  readonly loop: Loop;
  /** People in a closed loop. */
  readonly users: number;
  readonly models: readonly SimModel[];
  /** Context that the servers are set to, in tokens. */
  readonly contextTokens: number;
  readonly sessions: readonly Session[];
  /** Requests in all sessions. */
  readonly size: number;
}

/** Bytes of text that one token counts for in `Demand`. */
export const BYTES_PER_TOKEN = 4;

/** Extends a hash of 53 bits by one more piece. */
const chain = (hash: number, piece: string): number => {
  const low = hash32(piece, hash >>> 0);
  const high = hash32(piece, Math.floor(hash / 2 ** 32) ^ low ^ 0x9e3779b9) & 0x1fffff;
  return high * 2 ** 32 + low;
};

const marksOf = (segments: readonly Segment[]): readonly PrefixMark[] => {
  let hash = 0x5bd1e995;
  let bytes = 0;
  return segments.map((segment) => {
    hash = chain(hash, segment.text);
    bytes += segment.tokens * BYTES_PER_TOKEN;
    return { hash, bytes };
  });
};

/** Segments before the user's new message: the system prompt and all that was said. */
const historyOf = (session: Session, index: number): Segment[] => {
  const history: Segment[] = [];
  if (session.systemTokens > 0) {
    history.push({ text: `${session.app} system`, tokens: session.systemTokens, pinned: true });
  }
  session.turns.slice(0, index).forEach((turn, earlier) => {
    history.push({ text: `${session.id}.${earlier} question`, tokens: turn.messageTokens });
    history.push(answerOf(session, earlier, turn));
  });
  return history;
};

const answerOf = (session: Session, index: number, turn: TurnPlan): Segment => ({
  text: `${session.id}.${index} answer`,
  tokens: turn.outputTokens,
});

const madeUp = (session: Session, index: number, plan: TurnPlan): Recorded => {
  const segments = historyOf(session, index);
  segments.push({ text: `${session.id}.${index} question`, tokens: plan.messageTokens });
  const marks = marksOf(segments);
  const demand: Demand = {
    kind: 'completion',
    shape: { numCtx: session.numCtx, rest: '' },
    promptBytes: marks.at(-1)?.bytes ?? 0,
    outputLimit: undefined,
    marks,
    app: session.app,
  };
  return { session: session.id, demand, segments, answer: answerOf(session, index, plan) };
};

/** The request of a session's turn `index` (from 0), arriving `at` ms; undefined past the last turn. */
export const turnOf = (session: Session, index: number, at: number): SimTurn | undefined => {
  const plan = session.turns[index];
  if (plan === undefined) return undefined;
  const { demand, segments, answer, session: client } = session.recorded ?? madeUp(session, index, plan);
  return {
    id: `${session.id}.${index}`,
    at,
    session: client,
    tenant: session.tenant,
    app: session.app,
    category: session.category,
    priority: session.priority,
    model: session.model.name,
    demand,
    simModel: session.model,
    segments,
    outputTokens: plan.outputTokens,
    answer,
    thinkMs: plan.thinkMs,
    patienceMs: plan.patienceMs,
  };
};

/** Tokens of a session's prompt at turn `index`, and how many of them a perfect memory of the pool would hold. */
export const promptOf = (session: Session, index: number): { readonly tokens: number; readonly known: number } => {
  let known = session.systemTokens;
  for (const turn of session.turns.slice(0, index)) known += turn.messageTokens + turn.outputTokens;
  return { tokens: known + (session.turns[index]?.messageTokens ?? 0), known };
};
