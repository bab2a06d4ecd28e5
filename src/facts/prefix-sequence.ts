import type { Holding } from './prefix-marks.ts';

/** One prompt that a runner has read, and the answer behind it. */
export interface Sequence {
  /** The runner's memory it belongs to: where to take it out. */
  readonly home: { drop(sequence: Sequence): void };
  /** Its marks, shortest first, at least one. */
  readonly holdings: Holding[];
  /** Bytes of the answer that followed; 0 while it is not known. */
  answerBytes: number;
  /** ms on the Clock: when it was sent. */
  readonly at: number;
  /** Marks that an earlier sequence had which this one continues, and its answer: what is left if this one fails. */
  earlierMarks: number;
  earlierAnswerBytes: number;
}

/** Whether the sequence contains the mark. O(log marks). */
export const contains = ({ holdings }: Sequence, wanted: Holding): boolean => {
  let low = 0;
  let high = holdings.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const holding = holdings[middle];
    if (holding === undefined) return false;
    if (holding === wanted) return true;
    if (holding.bytes < wanted.bytes) low = middle + 1;
    else high = middle - 1;
  }
  return false;
};
