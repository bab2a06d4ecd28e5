import type { Demand, PrefixMark } from '../../src/core/demand.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';
import type { Ask } from './plans.ts';

const BYTES_PER_TOKEN = 4;
/** Tokens of each message that stands before the last one. */
const EARLIER_TOKENS = 120;

/** A conversation up to its last message, which is this request's alone. */
export const promptOf = ({ session, turn, number, promptTokens }: Ask): readonly Segment[] => {
  const segments: Segment[] = [];
  for (let i = 0; i < turn; i++) segments.push({ text: `message ${i} of ${session}`, tokens: EARLIER_TOKENS });
  segments.push({ text: `message of request ${number}`, tokens: promptTokens });
  return segments;
};

export const demandOf = (ask: Ask, prompt: readonly Segment[]): Demand => {
  const embeds = ask.outputTokens === 0;
  const marks: PrefixMark[] = [];
  let hash = 17;
  let bytes = 0;
  for (const { text, tokens } of prompt) {
    hash = hash32(text, hash);
    bytes += tokens * BYTES_PER_TOKEN;
    if (!embeds) marks.push({ hash, bytes });
  }
  return {
    kind: embeds ? 'embedding' : 'completion',
    shape: { numCtx: ask.numCtx, rest: '' },
    promptBytes: bytes,
    outputLimit: undefined,
    marks,
    app: 'c:unknown',
  };
};
