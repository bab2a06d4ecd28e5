/**
 * The constants of a forecast in one place. Where a value comes from measurement it was tuned with the simulator on some
 * of its workloads and judged on others (bench/README.md says which).
 */
export const FORECAST = {
  /** ms that every request costs besides its work: scheduling, templating, tokenizing. */
  overheadMs: 30,
  /** A request that runs longer than expected never counts as nearly done: at least this share of its estimate is left. */
  overrunFloor: 0.25,
  /** Weight of the delay that others suffer, beside one's own. */
  harm: 0.25,
  /** Embeddings of less work than this may be sent one more at a time than there are slots. */
  pipelineMs: 300,
  /** Queued requests per backend between which the price of work grows from nothing to its most. */
  pressureFrom: 0.5,
  pressureSpan: 1.5,
  pressureMost: 10,
  /** ms of waiting after which a request no longer pays that price; grows with the pressure. */
  patienceMs: 5_000,
  patienceUnderPressureMs: 10_000,
} as const;
