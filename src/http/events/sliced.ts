/**
 * Work goes on for so long before everything else has its turn: streams are not to feel that somebody watches. A step
 * that has begun is finished, so this leaves room for one within 2 ms.
 */
const SLICE_MS = 0.5;

/** Runs steps one after the other, in slices with a turn of the event loop between them. @param done called at the end */
export const sliced = (steps: Iterator<void>, now: () => number, done: () => void): void => {
  const run = (): void => {
    const from = now();
    while (steps.next().done !== true) {
      if (now() - from < SLICE_MS) continue;
      setImmediate(run);
      return;
    }
    done();
  };
  run();
};
