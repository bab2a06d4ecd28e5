import type { Clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { PriorityClass, RequestFacts } from '../core/types.ts';
import { WaitingQueue } from './queue.ts';

export interface GateSettings {
  /** Requests that may wait at a time. */
  readonly maxWaiting: number;
  /** Longest wait in ms. */
  readonly maxWaitMs: number;
  readonly classWeights: Readonly<Record<PriorityClass, number>>;
}

/** Sets a timer and gives back what cancels it: timers belong to the edge, the gate only says when. */
export type Schedule = (ms: number, run: () => void) => () => void;

/**
 * The door to the backends. A request starts in the tick in which it arrives, or waits until a lease ends and starts
 * in that tick; nobody who comes later overtakes it within its lane and class.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #queue: WaitingQueue;
  #settings: GateSettings;

  constructor(clock: Clock, schedule: Schedule, settings: GateSettings) {
    this.#clock = clock;
    this.#schedule = schedule;
    this.#settings = settings;
    this.#queue = new WaitingQueue(settings.classWeights);
  }

  configure(settings: GateSettings): void {
    this.#settings = settings;
    this.#queue.setWeights(settings.classWeights);
  }

  depth(priority: PriorityClass): number {
    return this.#queue.depth(priority);
  }

  /**
   * Runs `start` now, or when there is room.
   * @param start gives undefined while there is no room, throws a ProxyError when waiting is pointless
   * @param returning it comes back from a backend that failed: it goes to the front of its line, past a full queue
   * @param signal the client's: when it fires the place is given up at once
   * @throws ProxyError `queue_full`, `queue_timeout` or `deadline_exceeded`; the signal's reason when it fires;
   *   whatever `start` throws
   */
  enter<T>(facts: RequestFacts, start: () => T | undefined, signal: AbortSignal, returning = false): Promise<T> | T {
    // Room may have come unannounced (a breaker's time is up, a model was pulled): those who wait are asked first.
    if (this.#queue.size > 0) this.#queue.pump(facts.model);
    const now = start();
    if (now !== undefined) return now;
    if (!returning && this.#queue.size >= this.#settings.maxWaiting) {
      throw new ProxyError('queue_full', `the queue is full: ${this.#queue.size} requests wait (queue.max_waiting)`, {
        retryAfterSeconds: Math.ceil(this.#settings.maxWaitMs / 1000),
      });
    }
    return this.#wait(facts, start, signal, returning);
  }

  /** Room has appeared: whoever can start now does, in order. */
  pump(): void {
    if (this.#queue.size > 0) this.#queue.pump();
  }

  #wait<T>(facts: RequestFacts, start: () => T | undefined, signal: AbortSignal, returning: boolean): Promise<T> {
    const { maxWaitMs } = this.#settings;
    const untilDeadline = facts.deadline - this.#clock.now();
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        leave();
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        how();
      };
      const leave = this.#queue.push({
        lane: facts.model,
        priority: facts.priority,
        returning,
        tryStart: () => {
          try {
            const started = start();
            if (started === undefined) return false;
            settle(() => resolve(started));
          } catch (error) {
            settle(() => reject(error instanceof Error ? error : new Error(String(error))));
          }
          return true;
        },
      });
      const cancelTimer = this.#schedule(Math.max(0, Math.min(maxWaitMs, untilDeadline)), () =>
        settle(() =>
          reject(
            untilDeadline < maxWaitMs
              ? new ProxyError('deadline_exceeded', 'the deadline passed while the request waited for a free slot')
              : new ProxyError('queue_timeout', `no slot became free within ${maxWaitMs} ms (queue.max_wait)`),
          ),
        ),
      );
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }
}
