import type { End } from './request.ts';
import type { SocketResult } from './sockets.ts';
import type { ChaosResult } from './world.ts';

const HOUR_MS = 3_600_000;

/** Sums over seeds. */
export class Totals {
  seeds = 0;
  attempts = 0;
  panics = 0;
  moments = 0;
  spanMs = 0;
  worstWaitMs = 0;
  worstWaitSeed = 0;
  readonly ends = new Map<End, number>();
  readonly codes = new Map<string, number>();
  readonly mishaps = new Map<string, number>();

  /** Those that came to an end. */
  get requests(): number {
    return [...this.ends.values()].reduce((sum, count) => sum + count, 0);
  }

  add(result: ChaosResult): void {
    this.seeds++;
    this.attempts += result.attempts;
    this.panics += result.panics;
    this.moments += result.moments;
    this.spanMs += result.spanMs;
    if (result.worstWaitMs > this.worstWaitMs) {
      this.worstWaitMs = result.worstWaitMs;
      this.worstWaitSeed = result.seed;
    }
    addAll(this.ends, result.ends);
    addAll(this.codes, result.codes);
    addAll(this.mishaps, result.mishaps);
  }

  /** For people: what happened, and what became of the requests. */
  table(): string {
    const { requests } = this;
    const share = (count: number): string => `${((100 * count) / Math.max(1, requests)).toFixed(2)} %`;
    return [
      `${requests} requests in ${this.seeds} seeds, ${(this.spanMs / HOUR_MS).toFixed(0)} h of virtual time; everything checked ${this.moments} times`,
      '',
      ...rows('requests', this.ends, share),
      '',
      ...rows('told to clients before the first byte', this.codes, share),
      '',
      ...rows('mishaps', this.mishaps, () => ''),
      '',
      `${this.attempts} attempts, ${this.panics} of them to a runner whose breaker was open because more than half were`,
      `worst wait for a place: ${(this.worstWaitMs / 1_000).toFixed(1)} s (seed ${this.worstWaitSeed})`,
    ].join('\n');
  }
}

/** The same for a run over sockets. */
export const socketTable = ({ ends, codes, mishaps, worstWaitMs }: SocketResult): string => {
  const requests = [...ends.values()].reduce((sum, count) => sum + count, 0);
  const share = (count: number): string => `${((100 * count) / Math.max(1, requests)).toFixed(2)} %`;
  return [
    `${requests} requests`,
    '',
    ...rows('requests', ends, share),
    '',
    ...rows('told to clients before the first byte', codes, share),
    '',
    ...rows('mishaps', mishaps, () => ''),
    '',
    `worst wait for a place: ${(worstWaitMs / 1_000).toFixed(1)} s`,
  ].join('\n');
};

const addAll = <K>(to: Map<K, number>, from: ReadonlyMap<K, number>): void => {
  for (const [key, count] of from) to.set(key, (to.get(key) ?? 0) + count);
};

const rows = (
  title: string,
  counts: ReadonlyMap<string, number>,
  note: (count: number) => string,
): readonly string[] => [
  title,
  ...[...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `  ${name.padEnd(20)} ${String(count).padStart(9)}  ${note(count)}`.trimEnd()),
];
