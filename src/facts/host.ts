import type { ForeignTraffic } from './foreign.ts';
import type { LearnedResidency } from './residency.ts';
import type { RunnerFacts } from './runner.ts';
import type { HostSlots } from './slots.ts';
import type { HostSpeeds } from './speeds.ts';
import type { Work } from './work.ts';

/** A load is over at the latest after so many times what it was foreseen to take: prompts may be long, loads are not. */
const OVERDUE = 2;

/** What is known about one server: its memory, its speed, and the requests of ours that are under way there. */
export class HostFacts {
  readonly id: string;
  readonly speeds: HostSpeeds;
  readonly slots: HostSlots;
  readonly residency: LearnedResidency;
  readonly foreign: ForeignTraffic;
  readonly runners = new Map<string, RunnerFacts>();
  /** Requests of ours under way, over all models. */
  readonly works: Work[] = [];
  /** Of those, the ones whose model was not in memory when they were sent and that have not begun. */
  readonly loads: Work[] = [];
  /** ms between proxy and server and back. */
  roundTripMs = 0;
  /** Until then it still reads prompts whose clients have left: Ollama stops only between prompt and answer. */
  burnsUntil = 0;
  /** Until then it takes nothing new: it said that it is full. */
  saturatedUntil = 0;
  /** It loads no model any more, while it goes on with those in memory. */
  stuck = false;
  /** When a model was last seen to come into its memory. */
  loadedAt = Number.NEGATIVE_INFINITY;
  /** Grows with every change that a kept forecast of this host would not know of. */
  version = 0;
  #integral = 0;
  #integralAt = 0;

  constructor(id: string, speeds: HostSpeeds, slots: HostSlots, residency: LearnedResidency, foreign: ForeignTraffic) {
    this.id = id;
    this.speeds = speeds;
    this.slots = slots;
    this.residency = residency;
    this.foreign = foreign;
  }

  /**
   * ∫ requests at work dt up to `at`, in request-ms: the difference over a while is the mean company in it. Those whose
   * model is still being loaded compute nothing.
   */
  busyIntegral(at: number): number {
    if (at > this.#integralAt) {
      this.#integral += (this.works.length - this.loads.length) * (at - this.#integralAt);
      this.#integralAt = at;
    }
    return this.#integral;
  }

  add(work: Work, at: number): void {
    this.busyIntegral(at);
    this.works.push(work);
    if (work.cold) this.loads.push(work);
    this.version++;
  }

  begun(work: Work, at: number): void {
    this.busyIntegral(at);
    if (drop(this.loads, work)) this.version++;
  }

  remove(work: Work, at: number): void {
    this.busyIntegral(at);
    drop(this.works, work);
    drop(this.loads, work);
    this.version++;
  }

  /** A load of ours is under way, as far as can be told: one that takes twice as long as foreseen has ended unseen. */
  loading(at: number): boolean {
    for (const { sentAt, expected } of this.loads) {
      if (at - sentAt < expected.waitMs + OVERDUE * expected.loadMs) return true;
    }
    return false;
  }

  /** ms until the last of the loads under way is through; 0 where none is. */
  loadingMs(at: number): number {
    let longest = 0;
    for (const { sentAt, expected } of this.loads) {
      const { waitMs, loadMs } = expected;
      if (at - sentAt >= waitMs + OVERDUE * loadMs) continue;
      longest = Math.max(longest, waitMs + loadMs - (at - sentAt), 0.25 * loadMs);
    }
    return longest;
  }
}

const drop = (works: Work[], work: Work): boolean => {
  const index = works.indexOf(work);
  if (index < 0) return false;
  works.splice(index, 1);
  return true;
};
