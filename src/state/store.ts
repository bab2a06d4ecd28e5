/** One thing that was learned, as plain data for JSON. */
export interface StateRecord {
  /** What it is about, which decides what else it holds. */
  readonly kind: string;
}

/** A record on its way out. */
export interface StateEntry {
  /** ms since it was last used: where there is not room for all, the oldest are left out. */
  readonly ageMs: number;
  readonly record: StateRecord;
}

/** A record as it came back: nothing but its kind was checked. */
export type LoadedRecord = StateRecord & Readonly<Record<string, unknown>>;

export interface LoadedState {
  /** ms between saving and loading by wall clock, ≥ 0. */
  readonly awayMs: number;
  readonly records: readonly LoadedRecord[];
}

export interface SaveReport {
  /** Bytes that were kept somewhere; 0 = this store keeps nothing. */
  readonly bytes: number;
  /** Records that there was no room for. */
  readonly dropped: number;
}

/**
 * Where what was learned outlives the process. Losing it costs learning, never service, and nobody who serves a request
 * waits for it.
 */
export interface StateStore {
  /** For messages: where it is. */
  readonly where: string;
  /** What was saved last; undefined = there is nothing, or nothing that can be used, which it has said in the log. */
  load(): Promise<LoadedState | undefined>;
  /**
   * Replaces what was saved, all or nothing. The entries are taken one by one with pauses in between, so that whatever
   * makes them may be lazy and large. One call at a time.
   * @throws the system's error; what was saved before is still there then
   */
  save(entries: Iterable<StateEntry>): Promise<SaveReport>;
  close(): Promise<void>;
}
