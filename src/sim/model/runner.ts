import { closeJob, type Job, type SimEnd } from './job.ts';
import { slotsFor, type SimModel } from './models.ts';
import type { ResolvedOptions } from './options.ts';
import type { Processor } from './processor.ts';
import { decodeMsPerToken, prefillMsPerToken, type MachineProfile } from './profile.ts';
import { fitContext, totalTokens, type Segment } from './prompt.ts';
import { promptCache, type PromptCache, type ReusePolicy } from './reuse.ts';
import type { Cancel, Scheduler } from './scheduler.ts';

/** Layers that did not fit on the GPU make everything this much slower. */
const OFFLOAD_SLOWDOWN = 4;

/** What a runner needs of its surroundings. */
export interface RunnerHost {
  readonly clock: Scheduler;
  readonly processor: Processor;
  readonly profile: MachineProfile;
  /** Bytes for weights and context that nobody else holds for good. */
  readonly memoryBytes: number;
  /** There is a GPU, and it can be used. */
  readonly gpu: boolean;
  readonly slots: number;
  readonly reuse: ReusePolicy;
  /** The job has left the machine, whether or not its submitter waited for it. */
  finished(runner: Runner, job: Job): void;
}

/** One loaded model: its slots, the first-come queue in front of them that nobody bounds, and its prompt cache. */
export class Runner {
  readonly model: SimModel;
  readonly options: ResolvedOptions;
  readonly slots: number;
  /** Bytes it needs, and bytes it occupies. */
  readonly sizeBytes: number;
  readonly memory: number;
  /** Loaded into video memory, as far as it fits. */
  readonly onGpu: boolean;
  /** It needs more than the machine has: part of it runs on the processor. */
  readonly offloaded: boolean;
  loading = true;
  keepAliveMs: number;
  /** On the scheduler's clock; undefined before the first request ended. */
  expiresAt: number | undefined;
  expiry: Cancel | undefined;
  maxRunning = 0;
  /** Its process is gone, and the server has not noticed. */
  dead = false;
  #hung = false;

  readonly #host: RunnerHost;
  readonly #cache: PromptCache;
  readonly #waiting: Job[] = [];
  readonly #running = new Set<Job>();
  readonly #prefillMs: number;
  readonly #decodeMs: number;

  constructor(host: RunnerHost, model: SimModel, options: ResolvedOptions, needBytes: number, keepAliveMs: number) {
    this.#host = host;
    this.model = model;
    this.options = options;
    this.slots = slotsFor(model, host.slots);
    this.sizeBytes = needBytes;
    this.memory = Math.min(needBytes, host.memoryBytes);
    this.onGpu = host.gpu;
    this.offloaded = needBytes > host.memoryBytes;
    this.keepAliveMs = keepAliveMs;
    this.#cache = promptCache(host.reuse, this.slots, model.slidingWindow);
    const slow = this.offloaded && host.profile.gpu ? OFFLOAD_SLOWDOWN : 1;
    this.#prefillMs = prefillMsPerToken(host.profile, model.size) * slow;
    this.#decodeMs = decodeMsPerToken(host.profile, model.size) * slow;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.length === 0;
  }

  /** Tokens of a prompt that would not have to be read if it started now. */
  remembered(prompt: readonly Segment[]): number {
    return this.#cache.peek(prompt);
  }

  /** Queues a job for a slot; it starts in the same tick if one is free. */
  add(job: Job): void {
    job.phase = 'waiting';
    this.#waiting.push(job);
    this.#fill();
  }

  /**
   * The submitter left. A waiting job never runs; a prompt that is being read is read to its end, as the engine looks
   * up only between batches; a writing job frees its slot with its next token.
   */
  leave(job: Job): void {
    if (job.phase === 'waiting') {
      this.#waiting.splice(this.#waiting.indexOf(job), 1);
      job.phase = 'ended';
      this.#host.finished(this, job);
      return;
    }
    if (this.#hung) {
      // The server ends its call of the runner, which gives no answer to that either.
      this.#cache.free(job.slot);
      this.#running.delete(job);
      job.phase = 'ended';
      this.#host.finished(this, job);
      return;
    }
    if (job.phase === 'decode' && job.work !== undefined) {
      this.#host.processor.finishUnit(job.work, this.#decodeUnit(job));
    }
  }

  /** From now on nothing happens here, for those who come either. */
  hang(): void {
    if (this.#hung) return;
    this.#hung = true;
    for (const { work } of this.#running) if (work !== undefined) this.#host.processor.suspend(work);
  }

  /** It goes on as if nothing had been. */
  wake(): void {
    if (!this.#hung) return;
    this.#hung = false;
    for (const { work } of this.#running) if (work !== undefined) this.#host.processor.resume(work);
    this.#fill();
  }

  /** Ends everything without a word to the engine: the whole server is gone. */
  kill(): void {
    this.#cut(() => ({ kind: 'stopped' }));
  }

  /** The runner alone is gone, and the server tells those who were there. @returns how many these were */
  die(): number {
    return this.#cut((waiting) => ({ kind: 'died', waiting }));
  }

  #cut(end: (waiting: boolean) => SimEnd): number {
    this.expiry?.();
    const jobs = [...this.#running, ...this.#waiting].filter((job) => !job.closed);
    for (const { work } of this.#running) if (work !== undefined) this.#host.processor.leave(work);
    for (const job of jobs) {
      const waiting = job.phase === 'waiting';
      job.phase = 'ended';
      closeJob(job, end(waiting));
    }
    this.#running.clear();
    this.#waiting.length = 0;
    return jobs.length;
  }

  #fill(): void {
    while (!this.#hung && !this.dead && this.#running.size < this.slots) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#start(job);
    }
  }

  #start(job: Job): void {
    this.#running.add(job);
    this.maxRunning = Math.max(this.maxRunning, this.#running.size);
    job.phase = 'prefill';
    job.startedAt = this.#host.clock.now();
    const embedding = job.request.kind === 'embedding';
    const { prompt } = job.request;
    const { numCtx } = this.options;
    // Each input of a batch has the context to itself.
    job.prompt = embedding ? prompt.flatMap((input) => fitContext([input], numCtx)) : fitContext(prompt, numCtx);
    job.promptTokens = totalTokens(job.prompt);
    const placement = this.#cache.place(embedding ? [] : job.prompt);
    job.slot = placement.slot;
    job.cachedTokens = embedding ? 0 : placement.cachedTokens;
    const fresh = job.promptTokens - job.cachedTokens;
    job.work = this.#host.processor.enter(fresh * this.#prefillMs * slowness(job), () => this.#prefilled(job));
  }

  #prefilled(job: Job): void {
    job.decodeAt = this.#host.clock.now();
    if (job.request.kind === 'completion') this.#cache.remember(job.slot, job.prompt);
    if (job.closed || job.request.outputTokens === 0) {
      this.#finish(job);
      return;
    }
    job.phase = 'decode';
    this.#decode(job, 1);
  }

  #decode(job: Job, tokens: number): void {
    if (job.work === undefined) return;
    this.#host.processor.next(job.work, tokens * this.#decodeUnit(job), () => {
      if (job.closed) {
        this.#finish(job);
        return;
      }
      const first = job.written === 0;
      job.written += tokens;
      if (first) job.listener.firstToken?.();
      job.listener.token?.(job.written - 1);
      const left = job.request.outputTokens - job.written;
      if (job.closed || left === 0) this.#finish(job);
      else this.#decode(job, job.listener.token === undefined ? left : 1);
    });
  }

  #finish(job: Job): void {
    if (job.work !== undefined) this.#host.processor.leave(job.work);
    const { answer, kind } = job.request;
    if (kind === 'completion' && answer !== undefined && !job.closed) {
      this.#cache.remember(job.slot, [...job.prompt, answer]);
    }
    this.#cache.free(job.slot);
    this.#running.delete(job);
    job.phase = 'ended';
    const now = this.#host.clock.now();
    closeJob(job, {
      kind: 'done',
      timings: {
        loadMs: job.assignedAt - job.submittedAt,
        slotWaitMs: job.startedAt - job.assignedAt,
        promptTokens: job.promptTokens,
        cachedTokens: job.cachedTokens,
        prefillMs: job.decodeAt - job.startedAt,
        outputTokens: job.written,
        decodeMs: now - job.decodeAt,
        totalMs: now - job.submittedAt,
      },
    });
    this.#fill();
    this.#host.finished(this, job);
  }

  #decodeUnit(job: Job): number {
    return this.#decodeMs * slowness(job);
  }
}

const slowness = (job: Job): number => job.request.slowness ?? 1;
