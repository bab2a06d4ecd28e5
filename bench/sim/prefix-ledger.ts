import type { Host } from './baseline.ts';
import { BYTES_PER_TOKEN, type SimJob } from './workload.ts';

/** Prompt pieces remembered per server: about what llm-d's approximate index keeps (31,250 blocks). */
const MOST_MARKS = 32_768;

/** What each server was sent: which prompts begin with which pieces, least recently sent goes first. */
export class PrefixLedger {
  readonly #marks = new Map<string, Set<number>>();

  /** Tokens at the head of the prompt that the server has been sent before. */
  knownTokens(job: SimJob, host: Host): number {
    const seen = this.#marks.get(`${host.id} ${job.model}`);
    if (seen === undefined) return 0;
    const { marks } = job.demand;
    for (let index = marks.length - 1; index >= 0; index -= 1) {
      const mark = marks[index];
      if (mark !== undefined && seen.has(mark.hash)) return mark.bytes / BYTES_PER_TOKEN;
    }
    return 0;
  }

  /** Tokens of the prompt that the server would have to read. */
  newTokens(job: SimJob, host: Host): number {
    return promptTokens(job) - this.knownTokens(job, host);
  }

  /** Pieces that the server was sent, over all models. */
  size(host: Host): number {
    let size = 0;
    for (const model of host.installed.keys()) size += this.#marks.get(`${host.id} ${model}`)?.size ?? 0;
    return size;
  }

  sent(job: SimJob, host: Host): void {
    const key = `${host.id} ${job.model}`;
    const seen = this.#marks.get(key) ?? new Set<number>();
    this.#marks.set(key, seen);
    for (const { hash } of job.demand.marks) {
      seen.delete(hash);
      seen.add(hash);
    }
    for (const oldest of seen) {
      if (seen.size <= MOST_MARKS) break;
      seen.delete(oldest);
    }
  }
}

export const promptTokens = (job: SimJob): number => job.demand.promptBytes / BYTES_PER_TOKEN;
