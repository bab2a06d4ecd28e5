import { automaticContext, type MachineProfile } from './profile.ts';
import type { SimModel } from './models.ts';

/** The request options that belong to a loaded runner (`Runner` in api/types.go); absent = the server decides. */
export interface RunnerOptions {
  readonly numCtx?: number;
  readonly numBatch?: number;
  readonly numGpu?: number;
  readonly mainGpu?: number;
  readonly useMmap?: boolean;
  readonly numThread?: number;
}

export interface ResolvedOptions {
  readonly numCtx: number;
  readonly numBatch: number;
  readonly numGpu: number;
  readonly mainGpu: number;
  readonly useMmap: boolean | undefined;
  readonly numThread: number;
}

/** Fills in what the request left open and clamps the context to what the model was trained for. */
export const resolveOptions = (asked: RunnerOptions, model: SimModel, profile: MachineProfile): ResolvedOptions => ({
  numCtx: Math.max(4, Math.min(asked.numCtx ?? automaticContext(profile), model.contextLength)),
  numBatch: asked.numBatch ?? 512,
  numGpu: asked.numGpu ?? -1,
  mainGpu: asked.mainGpu ?? 0,
  useMmap: asked.useMmap,
  numThread: asked.numThread ?? 0,
});

/**
 * Whether a loaded runner must restart for a request (`needsReload` in server/sched.go). Compared after clamping, so an
 * automatic context equals an explicit one of the same number.
 */
export const needsReload = (loaded: ResolvedOptions, wanted: ResolvedOptions): boolean =>
  loaded.numCtx !== wanted.numCtx ||
  loaded.numBatch !== wanted.numBatch ||
  loaded.numGpu !== wanted.numGpu ||
  loaded.mainGpu !== wanted.mainGpu ||
  loaded.useMmap !== wanted.useMmap ||
  loaded.numThread !== wanted.numThread;
