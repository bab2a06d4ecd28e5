import type { SavedBreaker } from '../backends/saved-breaker.ts';
import { readLearned } from '../results/learned.ts';
import type { LearnedSnapshot } from '../results/learned.ts';
import { readMetrics } from '../results/model-metrics.ts';
import type { SavedMetrics } from '../results/model-metrics.ts';
import {
  readAmount,
  readCount,
  readList,
  readName,
  readObject,
  readVersion,
  SnapshotError,
} from '../results/snapshot.ts';

export { loadBreaker, saveBreaker } from '../backends/saved-breaker.ts';

export interface SavedModel {
  readonly id: string;
  readonly breaker: SavedBreaker;
  readonly metrics: SavedMetrics;
}

/** What a router has learned, as plain data for JSON. Instances, weights, pending tasks and strategy are not in it. */
export interface TaskRouterSnapshot {
  readonly version: 1;
  /** Names that detectors added to the built-in categories. */
  readonly customCategories: readonly string[];
  readonly models: readonly SavedModel[];
  readonly learned: LearnedSnapshot;
}

/** Checks a whole snapshot before anything is touched. @throws {SnapshotError} */
export const readSnapshot = (value: unknown): TaskRouterSnapshot => {
  const root = readObject(value, 'snapshot');
  readVersion(root['version'], 'snapshot.version', 1);
  const ids = new Set<string>();
  return {
    version: 1,
    customCategories: readList(root['customCategories'], 'customCategories').map((name, i) =>
      readName(name, `customCategories[${i}]`),
    ),
    models: readList(root['models'], 'models').map((item, i) => {
      const where = `models[${i}]`;
      const model = readObject(item, where);
      const id = readName(model['id'], `${where}.id`);
      if (ids.has(id)) throw new SnapshotError(`${where}.id`, 'unique', id);
      ids.add(id);
      return {
        id,
        breaker: readBreaker(model['breaker'], `${where}.breaker`),
        metrics: readMetrics(model['metrics'], `${where}.metrics`),
      };
    }),
    learned: readLearned(root['learned']),
  };
};

const readBreaker = (value: unknown, path: string): SavedBreaker => {
  const fields = readObject(value, path);
  switch (fields['state']) {
    case 'closed':
      return { state: 'closed', failures: readCount(fields['failures'], `${path}.failures`) };
    case 'open':
      return { state: 'open', elapsedMs: readAmount(fields['elapsedMs'], `${path}.elapsedMs`) };
    default:
      throw new SnapshotError(`${path}.state`, '"closed" or "open"', fields['state']);
  }
};
