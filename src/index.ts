export { TaskRouter } from './router/task-router.ts';
export type { Explanation, TaskContext } from './router/task-router.ts';
export type { TaskRouterEvents } from './router/events.ts';
export type { RegisterOptions, RouteOptions, TaskCategoryDetector, TaskRouterOptions } from './router/options.ts';
export type { BreakerStatus, ModelStatus } from './router/entry.ts';
export type { TaskRouterSnapshot } from './router/snapshot.ts';
export {
  AllModelsFailedError,
  DuplicateModelError,
  InvalidArgumentError,
  NoModelAvailableError,
  TaskRouterError,
  UnknownCategoryError,
  UnknownModelError,
} from './router/errors.ts';
export type { FailedAttempt, Unavailable } from './router/errors.ts';
export { SnapshotError } from './results/snapshot.ts';
export type { CategoryMetrics, ModelMetricsView } from './results/model-metrics.ts';

export { createStrategy, isStrategyName, STRATEGY_NAMES, UnknownStrategyError } from './routing/index.ts';
export type { StrategyName } from './routing/index.ts';
export { createCategorizerChain } from './tasks/index.ts';
export type { CategorizerChain, CategorizerChainOptions } from './tasks/index.ts';
export * as breaker from './backends/breaker.ts';

export { BREAKER_DEFAULTS, TASK_CATEGORIES } from './core/types.ts';
export type {
  BreakerSettings,
  BreakerState,
  Candidate,
  CandidateStats,
  Categorizer,
  Choice,
  Log,
  OutcomeStats,
  PromptView,
  RankContext,
  Ranking,
  Strategy,
  TaskCategory,
  TaskFacts,
  Verdict,
} from './core/types.ts';
export type { Outlook } from './core/outlook.ts';
export { ManualClock, systemClock } from './core/clock.ts';
export type { Clock } from './core/clock.ts';
export { seededRng, systemRng } from './core/rng.ts';
export type { Rng } from './core/rng.ts';
