import type { Rng, TaskRouter } from '../index.ts';
import { ManualClock, seededRng } from '../index.ts';

/** Where an example writes, line by line. */
export type Print = (line: string) => void;

/**
 * A model that only pretends: it takes a time and succeeds or not, by chance with a fixed seed. An example can thus be
 * read, run and tested anywhere, and says the same every time.
 */
export interface PretendModel {
  /** Typical latency in ms; an answer takes between half and one and a half of it. */
  readonly ms: number;
  /** Chance of success, 0…1, in general or by category; 1 where nothing is said. */
  readonly success?: number | Readonly<Record<string, number>>;
}

/** A clock and chance to inject into a router, and models that live by the same clock. */
export class Stage {
  readonly clock = new ManualClock();
  readonly rng: Rng = seededRng(42);
  readonly #chance: Rng = seededRng(7);

  /** What a model makes of one task; nothing passes, use it where several tasks are under way at once. */
  attempt(model: PretendModel, category: string): { readonly success: boolean; readonly latencyMs: number } {
    const latencyMs = Math.round(model.ms * (0.5 + this.#chance.next()));
    return { success: this.#chance.next() < chanceOf(model, category), latencyMs };
  }

  /** Routes one task, lets its time pass and records the result. Returns the model that got it. */
  task(router: TaskRouter<PretendModel>, category: string, prompt = 'a task'): string {
    const id = router.routeTask(prompt, { category });
    const model = router.getInstance(id);
    if (model === undefined) throw new Error(`the router chose ${id}, which is not registered`);
    const { success, latencyMs } = this.attempt(model, category);
    this.clock.advance(latencyMs);
    router.recordTaskResult(id, success, latencyMs, category);
    return id;
  }

  /** `times` tasks one after another, taking turns in `categories`. Returns how many each model got. */
  tasks(router: TaskRouter<PretendModel>, times: number, categories: readonly string[]): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < times; i++) {
      const id = this.task(router, categories[i % categories.length] ?? 'unknown');
      counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
  }
}

const chanceOf = ({ success = 1 }: PretendModel, category: string): number =>
  typeof success === 'number' ? success : (success[category] ?? 1);

/** Registers all of them under their names. */
export const registerAll = (
  router: TaskRouter<PretendModel>,
  models: Readonly<Record<string, PretendModel & { readonly weight?: number }>>,
): void => {
  for (const [id, model] of Object.entries(models)) router.registerModel(id, model, { weight: model.weight ?? 1 });
};

/** One bar for each count, longest 40 characters. */
export const printBars = (print: Print, counts: Readonly<Record<string, number>>): void => {
  const most = Math.max(1, ...Object.values(counts));
  const width = Math.max(...Object.keys(counts).map((name) => name.length));
  for (const [name, count] of Object.entries(counts)) {
    print(`  ${name.padEnd(width)}  ${'█'.repeat(Math.round((40 * count) / most))} ${count}`);
  }
};

/** Columns as wide as they need be; numbers belong on the right, words on the left. */
export const printTable = (
  print: Print,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void => {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i] ?? '').length)));
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, i) =>
        typeof cell === 'number' ? String(cell).padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  print(`  ${line(head)}`);
  print(`  ${widths.map((width) => '─'.repeat(width)).join('  ')}`);
  for (const row of rows) print(`  ${line(row)}`);
};

/** `37%` */
export const share = (part: number, whole: number): string => `${Math.round((100 * part) / whole)}%`;
