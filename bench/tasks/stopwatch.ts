/** Runs in one measurement at least: enough for the clock's grain, few enough to be done in a moment. */
const RUNS = 3000;
const ROUNDS = 5;

/**
 * Processor time of one run in µs, warm: the best of five rounds over all items, because whatever else the machine does
 * only ever adds to it.
 */
export const microseconds = <T>(items: readonly T[], run: (item: T) => unknown): number => {
  const passes = Math.max(1, Math.ceil(RUNS / items.length));
  const round = (): number => {
    const started = process.cpuUsage();
    for (let i = 0; i < passes; i++) for (const item of items) run(item);
    return process.cpuUsage(started).user / (passes * items.length);
  };
  round();
  return Math.min(...Array.from({ length: ROUNDS }, round));
};
