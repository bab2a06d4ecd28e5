import type { Demand, PrefixMark } from '../../src/core/demand.ts';
import type { PriorityClass } from '../../src/core/types.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';

/** What a client of a simulated pool asks. */
export interface Ask {
  readonly model: string;
  /** Tokens of its last message; what was said before comes on top. */
  readonly promptTokens: number;
  /** 0 = it is an embedding. */
  readonly outputTokens: number;
  readonly streams: boolean;
  /** A conversation, and how far it has come: its earlier messages stand before the last one. */
  readonly session: number;
  readonly turn: number;
  readonly tenant: string;
  readonly priority: PriorityClass;
  readonly numCtx: number | undefined;
  /** ms after which the client leaves. */
  readonly patienceMs: number | undefined;
}

const BYTES_PER_TOKEN = 4;
const EARLIER_TOKENS = 200;

export const promptOf = ({ session, turn, promptTokens }: Ask): readonly Segment[] => [
  ...Array.from({ length: turn }, (_, i) => ({ text: `turn ${i} of ${session}`, tokens: EARLIER_TOKENS })),
  { text: `turn ${turn} of ${session}, ${promptTokens}`, tokens: promptTokens },
];

export const demandOf = (ask: Ask): Demand => {
  const marks: PrefixMark[] = [];
  let hash = 17;
  let bytes = 0;
  for (const { text, tokens } of promptOf(ask)) {
    hash = hash32(text, hash);
    bytes += tokens * BYTES_PER_TOKEN;
    marks.push({ hash, bytes });
  }
  return {
    kind: ask.outputTokens === 0 ? 'embedding' : 'completion',
    shape: { numCtx: ask.numCtx, rest: '' },
    promptBytes: bytes,
    outputLimit: undefined,
    marks: ask.outputTokens === 0 ? [] : marks,
    app: 'c:unknown',
  };
};
