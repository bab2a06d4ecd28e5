import { ManualClock, seededRng, TaskRouter } from '../../../src/index.ts';
import type { Log, TaskRouterOptions } from '../../../src/index.ts';

export interface Line {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

/** A log that keeps what it is told. */
export const listLog = (): Log & { readonly lines: readonly Line[] } => {
  const lines: Line[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

/** A router over models a, b, … whose instances are their upper-case names, with its clock and log at hand. */
export const routerOf = (ids: readonly string[], options: TaskRouterOptions = {}) => {
  const clock = new ManualClock();
  const log = listLog();
  const router = new TaskRouter<string>({ clock, log, rng: seededRng(1), ...options });
  for (const id of ids) router.registerModel(id, id.toUpperCase());
  return { router, clock, log };
};

/** Records `times` failures. */
export const failTimes = (router: TaskRouter<string>, id: string, times: number): void => {
  for (let i = 0; i < times; i++) router.recordTaskResult(id, false, 10, 'coding');
};
