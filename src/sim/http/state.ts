import type { Machine } from '../model/machine.ts';
import type { MachineCounters } from '../model/machine-types.ts';
import type { Fault } from './faults.ts';
import type { AbortedRequest, Journal, SeenRequest } from './journal.ts';

export interface SimModelState {
  readonly loaded: boolean;
  readonly loading: boolean;
  readonly running: number;
  readonly waiting: number;
  /** The most that ever ran at once since the server started. */
  readonly maxRunning: number;
  readonly contextLength: number;
}

/** A look inside a simulated server; real Ollama has nothing like it. */
export interface SimState {
  readonly name: string;
  readonly requests: {
    readonly total: number;
    /** By method and path, `POST /api/chat`. */
    readonly byRoute: Readonly<Record<string, number>>;
    /** The latest 200, oldest first. */
    readonly recent: readonly SeenRequest[];
  };
  /** Clients that hung up, the latest 200, oldest first. */
  readonly aborted: { readonly total: number; readonly recent: readonly AbortedRequest[] };
  /** By model name; models never asked for are absent. */
  readonly models: Readonly<Record<string, SimModelState>>;
  /** Requests waiting for a load. */
  readonly pending: number;
  /** Requests in prefill or decode. */
  readonly busy: number;
  readonly counters: Readonly<MachineCounters>;
  readonly faults: readonly Fault[];
}

/** Builds the view. */
export const simState = (name: string, machine: Machine, journal: Journal, faults: readonly Fault[]): SimState => {
  const seen = journal.view();
  const models: Record<string, SimModelState> = {};
  const gone = { loaded: false, loading: false, running: 0, waiting: 0, contextLength: 0 };
  for (const [model, maxRunning] of machine.peaks) models[model] = { ...gone, maxRunning };
  for (const runner of machine.runners()) {
    models[runner.model.name] = {
      loaded: !runner.loading,
      loading: runner.loading,
      running: runner.running,
      waiting: runner.waiting,
      maxRunning: Math.max(runner.maxRunning, machine.peaks.get(runner.model.name) ?? 0),
      contextLength: runner.contextLength,
    };
  }
  return {
    name,
    requests: { total: seen.total, byRoute: seen.byRoute, recent: seen.recent },
    aborted: { total: seen.abortedTotal, recent: seen.aborted },
    models,
    pending: machine.pending,
    busy: machine.busy,
    counters: { ...machine.counters },
    faults,
  };
};
