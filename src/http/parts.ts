import type { Gate } from '../admission/gate.ts';
import type { Registry } from '../backends/registry.ts';
import type { Config } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import type { Log, Strategy } from '../core/types.ts';
import type { Reserver } from '../dispatch/reserve.ts';
import type { Facts } from '../facts/facts.ts';
import type { Passthrough } from '../forward/passthrough.ts';
import type { PrefixHasher } from '../forward/prefix-hash.ts';
import type { Pools } from '../forward/pools.ts';
import type { RetryBudget } from '../forward/retry-budget.ts';
import type { Metrics } from '../results/metrics.ts';
import type { Recorder } from '../results/recorder.ts';
import type { TraceFile } from '../results/trace-file.ts';
import type { CategorizerChain } from '../tasks/index.ts';
import type { FrontSettings } from './front.ts';
import type { KeyCheck } from './key-check.ts';
import type { RouteGaps } from './route-gaps.ts';
import type { TargetTable } from './targets.ts';

/** What may change at run time; read anew for each request, so that a request sees one state of it throughout. */
export interface HandlerSettings {
  readonly strategy: Strategy;
  readonly targets: TargetTable;
  readonly maxAttempts: number;
  /** Answers that are silent for far longer than was to be expected are given up. */
  readonly stallGuard: boolean;
  /** ms without a byte after which another server may be asked as well, at least; undefined = none is. */
  readonly hedgeMs: number | undefined;
  readonly bodyBytes: number;
  readonly bodyIdleMs: number;
  /** Requests for a model that one client address may have open; undefined = any number. */
  readonly streamsPerClient: number | undefined;
  /** Hashes the beginnings of prompts, with the key of this process. */
  readonly hasher: PrefixHasher;
  readonly front: FrontSettings;
  /** ms between two bits of filler for streams that wait; undefined = none. */
  readonly keepaliveMs: number | undefined;
  readonly changes: Config['changes'];
  /** Task categories that a client may name: the built-in ones and those of the configuration. */
  readonly categories: readonly string[];
  /** The smallest batch of texts to embed that is split over servers; undefined = none is. */
  readonly embedSplit: number | undefined;
}

/** Everything that the data path works with; wired in app.ts. */
export interface HandlerParts {
  readonly settings: () => HandlerSettings;
  readonly registry: Registry;
  readonly facts: Facts;
  readonly reserver: Reserver;
  readonly gate: Gate;
  readonly keys: KeyCheck;
  readonly categorizer: CategorizerChain;
  readonly pools: Pools;
  readonly passthrough: Passthrough;
  readonly retries: RetryBudget;
  readonly gaps: RouteGaps;
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  /** Asks every backend for its models again; resolves when they have answered. */
  readonly refreshModels: () => Promise<void>;
  /** The same, of all or of these, but nothing that they answer is older than this call. */
  readonly freshModels: (backends?: readonly string[]) => Promise<void>;
  /** Something went wrong with a backend: look at it soon. */
  readonly suspect: (backendId: string) => void;
  /** Where ended requests are recorded; undefined while nothing is. */
  readonly trace: () => TraceFile | undefined;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}
