import type { Library } from '../model/library.ts';
import type { Machine } from '../model/machine.ts';
import type { MachineProfile } from '../model/profile.ts';
import type { OutputLength } from '../model/text.ts';
import type { Scheduler } from '../model/scheduler.ts';
import type { Features } from './features.ts';

/** Everything that a handler of the simulated server needs. */
export interface SimContext {
  readonly version: string;
  readonly features: Features;
  readonly profile: MachineProfile;
  readonly library: Library;
  /** Replaced when the server restarts: its memory is gone then. */
  machine: Machine;
  readonly clock: Scheduler;
  /** Wall ms per ms of the model. */
  readonly timeScale: number;
  readonly seed: number;
  readonly outputTokens: OutputLength;
  /** Bytes per second of a pull, in wall time. */
  readonly pullBytesPerSecond: number;
}
