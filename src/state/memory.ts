import type { LoadedState, SaveReport, StateEntry, StateStore } from './store.ts';

/** `state.kind: memory`: what is learned lives in the process, where it is anyway, and ends with it. */
export class MemoryStore implements StateStore {
  readonly where = 'memory';

  load(): Promise<LoadedState | undefined> {
    return Promise.resolve(undefined);
  }

  save(_entries: Iterable<StateEntry>): Promise<SaveReport> {
    return Promise.resolve({ bytes: 0, dropped: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
