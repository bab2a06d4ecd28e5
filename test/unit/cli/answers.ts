import type { CandidateView, DecisionView, ExplainAnswer, WhyAnswer } from '../../../src/results/decisions.ts';
import { recordOf } from '../../support/record.ts';

const NOTHING: CandidateView['terms'] = {
  wait: 0,
  load: 0,
  prefill: 0,
  decode: 0,
  slowdown: 0,
  evict: 0,
  harm: 0,
  congestion: 0,
  risk: 0,
};

const plus = (...parts: readonly (number | null)[]): number | null =>
  parts.reduce((total, part) => (total === null || part === null ? null : total + part), 0);

/** An idle server with model `m` and these parts of its cost, foreseen accordingly. */
export const candidateOf = (
  backend: string,
  some: Partial<CandidateView['terms']>,
  more: Partial<CandidateView> = {},
): CandidateView => {
  const terms = { ...NOTHING, ...some };
  return {
    id: `${backend}/m`,
    backend,
    model: 'm',
    chosen: false,
    ready: true,
    cost: 0,
    successRate: 1,
    terms,
    predicted: {
      waitMs: terms.wait,
      loadMs: terms.load,
      prefillMs: terms.prefill,
      decodeMs: terms.decode,
      firstTokenMs: plus(terms.wait, terms.load, terms.prefill),
      totalMs: plus(terms.wait, terms.load, terms.prefill, terms.decode),
      cachedTokens: 0,
    },
    backlogMs: 0,
    slots: 1,
    slowFirst: 1,
    slowToken: 1,
    ...more,
  };
};

/** Two servers, of which `gpu-2` is chosen, and one that is down. */
export const explainAnswerOf = (some: Partial<ExplainAnswer> = {}): ExplainAnswer => ({
  strategy: 'hybrid',
  understood: {
    model: 'm',
    category: 'coding',
    categoryWhy: 'says fix',
    kind: 'completion',
    promptTokens: 3_000,
    outputTokens: 200,
    shape: { numCtx: 8_192, rest: '' },
    app: 'coding',
  },
  candidates: [
    candidateOf('gpu-2', { prefill: 600, decode: 300 }, { chosen: true }),
    candidateOf('gpu-1', { wait: 6_000, prefill: 210, decode: 300 }, { ready: false }),
  ],
  obstacles: [{ backend: 'gpu-3', why: 'draining' }],
  wouldWait: false,
  ...some,
});

export const decisionOf = (some: Partial<DecisionView> = {}): DecisionView => ({
  id: 'r',
  model: 'm',
  category: 'coding',
  strategy: 'hybrid',
  attempts: [
    {
      attempt: 1,
      time: '2026-01-01T00:00:00.000Z',
      decisions: 1,
      promptTokens: 3_000,
      outputTokens: 200,
      serviceMs: 4_000,
      pressure: 0,
      atFirst: { backend: 'a', waitMs: 0, firstTokenMs: 600, totalMs: 900 },
      candidates: [
        candidateOf('a', { prefill: 600, decode: 300 }, { chosen: true }),
        candidateOf('b', { wait: 6_000 }),
      ],
      leftOut: 0,
    },
  ],
  droppedAttempts: 0,
  observed: { queueMs: 0, firstByteMs: 710, totalMs: 1_200, prefillMs: 640, decodeMs: 450, outputTokens: 211 },
  ...some,
});

/** A request that `a` served, with its decision. */
export const whyAnswerOf = (some: Partial<WhyAnswer> = {}): WhyAnswer => ({
  ...recordOf({ firstByteMs: 710, totalMs: 1_200 }),
  decided: decisionOf(),
  ...some,
});
