import { closeJob, type Job, type Listener, type SimRequest } from './job.ts';
import { contextBytesPerToken, slotsFor, type SimModel } from './models.ts';
import {
  freshCounters,
  type LoadedView,
  type MachineCounters,
  type MachineOptions,
  type Ticket,
} from './machine-types.ts';
import type { MachineIll } from './ills.ts';
import { needsReload, resolveOptions } from './options.ts';
import type { Segment } from './prompt.ts';
import { Processor } from './processor.ts';
import { loadMs, type MachineProfile } from './profile.ts';
import { Runner, type RunnerHost } from './runner.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import { SickRunners } from './sick-runners.ts';

/**
 * The behaviour of one Ollama server (server/sched.go at v0.33), without sockets and without real time: which model is
 * in memory, who waits for what, how long things take. Loads happen one at a time and in order of arrival, and block
 * every later request that needs one; requests for a loaded model go straight to its runner.
 */
export class Machine {
  readonly counters: MachineCounters = freshCounters();

  /** The most requests that ever ran at once, by model name. */
  readonly peaks = new Map<string, number>();

  readonly #clock: Scheduler;
  readonly #profile: MachineProfile;
  readonly #maxQueue: number;
  readonly #maxLoaded: number;
  readonly #keepAliveMs: number;
  readonly #host: { -readonly [K in keyof RunnerHost]: RunnerHost[K] };
  /** By identity of the weights. */
  readonly #runners = new Map<string, Runner>();
  readonly #pending: Job[] = [];
  /** The head of the pending queue while it loads or waits for room. */
  #head: Job | undefined;
  #load: { readonly job: Job; readonly runner: Runner; readonly cancel: Cancel } | undefined;
  /** The queue for loads stands still until a model leaves memory: one was told to make room, or a fault wants it so. */
  #awaitsUnload = false;
  #wedgeOver: (() => void) | undefined;
  readonly #sick: SickRunners;

  constructor(options: MachineOptions) {
    this.#clock = options.clock;
    this.#profile = options.profile;
    this.#maxQueue = options.maxQueue ?? 512;
    this.#maxLoaded = options.maxLoadedModels ?? 3;
    this.#keepAliveMs = options.keepAliveMs ?? 300_000;
    this.#host = {
      clock: options.clock,
      profile: options.profile,
      memoryBytes: options.profile.memoryBytes,
      gpu: options.profile.gpu,
      processor: new Processor(options.clock, options.profile.companySlowdown),
      slots: options.slots ?? 1,
      reuse: options.reuse ?? 'one-per-model',
      finished: (runner, job) => this.#finished(runner, job),
    };
    this.#sick = new SickRunners({
      clock: options.clock,
      runners: () => this.#runners.values(),
      buried: (runner, died) => {
        this.counters.died += died;
        this.#remove(runner);
      },
    });
  }

  /** Requests waiting for a load, without the one being served. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Requests in prefill or decode, over all models. */
  get busy(): number {
    return this.#host.processor.busy;
  }

  /** Bytes that runners occupy, loading ones included; never above the profile's memory. */
  get memoryUsed(): number {
    let sum = 0;
    for (const runner of this.#runners.values()) sum += runner.memory;
    return sum;
  }

  /** Takes a request. The listener hears nothing before this returns. */
  submit(request: SimRequest, listener: Listener): Ticket {
    this.counters.submitted += 1;
    const now = this.#clock.now();
    const job: Job = {
      request,
      listener,
      options: resolveOptions(request.options ?? {}, request.model, this.#profile),
      submittedAt: now,
      phase: 'pending',
      closed: false,
      left: false,
      assignedAt: now,
      startedAt: now,
      decodeAt: now,
      prompt: request.prompt,
      promptTokens: 0,
      cachedTokens: 0,
      written: 0,
      slot: 0,
      work: undefined,
    };
    this.#clock.at(now, () => this.#enter(job));
    return { cancel: () => this.#cancel(job) };
  }

  /** Lets a model go as soon as its running requests have ended, as an empty request with keep_alive 0 does. */
  unload(model: SimModel): void {
    const runner = this.#runners.get(model.weights);
    if (runner === undefined || runner.loading) return;
    this.counters.expirations += 1;
    this.#expire(runner);
  }

  /** Tokens of a prompt that the model's runner would not have to read now; 0 where it is not in memory. */
  remembered(model: SimModel, prompt: readonly Segment[]): number {
    const runner = this.#runners.get(model.weights);
    return runner === undefined || runner.loading ? 0 : runner.remembered(prompt);
  }

  /** Every runner, loading ones included, longest remaining first as `/api/ps` lists them. */
  runners(): readonly LoadedView[] {
    return [...this.#runners.values()]
      .map((runner) => ({
        model: runner.model,
        loading: runner.loading,
        memory: runner.memory,
        gpuBytes: runner.onGpu ? runner.memory : 0,
        sizeBytes: runner.sizeBytes,
        contextLength: runner.options.numCtx,
        expiresAt: runner.expiresAt ?? this.#clock.now() + runner.keepAliveMs,
        slots: runner.slots,
        running: runner.running,
        waiting: runner.waiting,
        maxRunning: runner.maxRunning,
      }))
      .sort((a, b) => (a.expiresAt === b.expiresAt ? 0 : b.expiresAt - a.expiresAt));
  }

  /** Everything in memory and in flight is gone, as after a kill; each submitter is told `stopped`. */
  stop(): void {
    this.#load?.cancel();
    for (const job of [this.#head, ...this.#pending]) if (job !== undefined) closeJob(job, { kind: 'stopped' });
    for (const runner of this.#runners.values()) runner.kill();
    this.#load = undefined;
    this.#head = undefined;
    this.#awaitsUnload = false;
    this.#pending.length = 0;
    this.#runners.clear();
  }

  /**
   * Something is the matter from now on.
   * @param over told when it has ended by itself
   * @returns ends it at once; calling it twice does nothing
   */
  fall(ill: MachineIll, over: () => void = () => undefined): Cancel {
    switch (ill.kind) {
      case 'wedged':
        this.#awaitsUnload = true;
        this.#wedgeOver = over;
        return () => {
          if (this.#wedgeOver === over) this.#unwedge();
        };
      case 'gpu-lost':
        this.#host.processor.handicap = ill.factor;
        this.#host.gpu = false;
        return () => {
          this.#host.processor.handicap = 1;
          this.#host.gpu = this.#profile.gpu;
        };
      case 'hung-runner':
        return this.#sick.hang(ill.model, over);
      case 'dead-runner':
        this.#sick.kill(ill.model, over);
        return () => undefined;
      case 'orphan-memory': {
        const { memoryBytes } = this.#profile;
        this.#host.memoryBytes = Math.max(0, memoryBytes - ill.bytes);
        return () => {
          this.#host.memoryBytes = memoryBytes;
        };
      }
    }
  }

  #unwedge(): void {
    this.#wedgeOver?.();
    this.#wedgeOver = undefined;
    if (!this.#awaitsUnload && this.#head === undefined) return;
    this.#awaitsUnload = false;
    this.#clock.at(this.#clock.now(), () => this.#pump());
  }

  #enter(job: Job): void {
    if (job.closed) return;
    const runner = this.#runners.get(job.request.model.weights);
    if (runner !== undefined && !runner.loading && !needsReload(runner.options, job.options)) {
      this.#assign(runner, job);
    } else if (this.#pending.length >= this.#maxQueue) {
      this.counters.busy += 1;
      job.phase = 'ended';
      closeJob(job, { kind: 'busy' });
    } else {
      this.#pending.push(job);
      this.#pump();
    }
  }

  #pump(): void {
    while (this.#load === undefined && !this.#awaitsUnload) {
      this.#head ??= this.#pending.shift();
      if (this.#head === undefined) return;
      if (this.#head.closed) this.#head = undefined;
      else if (!this.#serve(this.#head)) return;
    }
  }

  /** One step for the head of the queue. False = it must wait for a load or for a runner to drain. */
  #serve(job: Job): boolean {
    const { model } = job.request;
    const runner = this.#runners.get(model.weights);
    if (runner !== undefined) {
      if (needsReload(runner.options, job.options)) {
        if (runner.keepAliveMs > 0) this.counters.reloads += 1;
        return this.#makeRoom(runner);
      }
      this.#head = undefined;
      this.#assign(runner, job);
      return true;
    }
    const need =
      model.size * 1.1 + job.options.numCtx * slotsFor(model, this.#host.slots) * contextBytesPerToken(model);
    const { memoryBytes } = this.#host;
    const fits = this.memoryUsed + Math.min(need, memoryBytes) <= memoryBytes;
    if (!fits || this.#runners.size >= this.#maxLoaded) {
      const victim = this.#victim();
      if (victim.keepAliveMs > 0) this.counters.evictions += 1;
      return this.#makeRoom(victim);
    }
    this.#startLoad(job, need);
    return false;
  }

  /** Idle before busy, then the shortest keep-alive, then the name. */
  #victim(): Runner {
    const [first] = [...this.#runners.values()].sort(
      (a, b) =>
        Number(b.idle) - Number(a.idle) ||
        (a.keepAliveMs === b.keepAliveMs ? 0 : a.keepAliveMs - b.keepAliveMs) ||
        (a.model.name < b.model.name ? -1 : 1),
    );
    if (first === undefined) throw new Error('no runner to unload: maxLoadedModels must be at least 1');
    return first;
  }

  #startLoad(job: Job, needBytes: number): void {
    const runner = new Runner(this.#host, job.request.model, job.options, needBytes, this.#keepAliveMs);
    this.#runners.set(job.request.model.weights, runner);
    this.counters.loads += 1;
    job.phase = 'loading';
    const slow = job.request.slowness ?? 1;
    const cancel = this.#clock.at(this.#clock.now() + loadMs(this.#profile, job.request.model.size) * slow, () => {
      this.#load = undefined;
      this.#head = undefined;
      runner.loading = false;
      this.#sick.loaded(runner);
      this.#assign(runner, job);
      this.#pump();
    });
    this.#load = { job, runner, cancel };
  }

  #assign(runner: Runner, job: Job): void {
    runner.expiry?.();
    runner.expiry = undefined;
    if (job.request.keepAliveMs !== undefined) runner.keepAliveMs = job.request.keepAliveMs;
    job.assignedAt = this.#clock.now();
    if (job.request.kind !== 'load') {
      runner.add(job);
      this.#sick.assigned(runner);
      return;
    }
    job.phase = 'ended';
    const loadTime = job.assignedAt - job.submittedAt;
    closeJob(job, { kind: 'done', timings: { ...NO_WORK, loadMs: loadTime, totalMs: loadTime } });
    this.#finished(runner, job);
  }

  #finished(runner: Runner, job: Job): void {
    this.counters.promptTokens += job.promptTokens;
    this.counters.cachedTokens += job.cachedTokens;
    this.counters.outputTokens += job.written;
    if (!job.left) this.counters.done += 1;
    this.peaks.set(runner.model.name, Math.max(runner.maxRunning, this.peaks.get(runner.model.name) ?? 0));
    if (!runner.idle) return;
    if (runner.keepAliveMs <= 0) {
      this.#remove(runner);
      return;
    }
    runner.expiry?.();
    runner.expiresAt = this.#clock.now() + runner.keepAliveMs;
    if (runner.keepAliveMs === Number.POSITIVE_INFINITY) return;
    runner.expiry = this.#clock.at(runner.expiresAt, () => {
      this.counters.expirations += 1;
      this.#remove(runner);
    });
  }

  /**
   * For the head of the queue: true if the runner went at once. A busy one drains, and until some model has left memory the
   * queue is not looked at. A late request with a keep_alive of its own re-arms the one that drains, and then the queue
   * waits on: real servers hang in the same way (ollama issue 17408).
   */
  #makeRoom(runner: Runner): boolean {
    const gone = this.#expire(runner);
    this.#awaitsUnload = !gone;
    return gone;
  }

  /** Marks a runner to go; true if it went at once, false if it drains. */
  #expire(runner: Runner): boolean {
    runner.keepAliveMs = 0;
    if (!runner.idle) return false;
    this.#remove(runner);
    return true;
  }

  #remove(runner: Runner): void {
    runner.expiry?.();
    if (this.#runners.get(runner.model.weights) === runner) this.#runners.delete(runner.model.weights);
    this.#sick.removed(runner);
    this.#unwedge();
  }

  #cancel(job: Job): void {
    if (job.closed) return;
    const { phase } = job;
    this.counters.canceled += 1;
    job.left = true;
    closeJob(job, { kind: 'canceled', phase });
    if (this.#load?.job === job) {
      this.#load.cancel();
      this.counters.loadsAborted += 1;
      this.#runners.delete(job.request.model.weights);
      this.#load = undefined;
      this.#head = undefined;
      this.#pump();
      return;
    }
    // A pending job keeps its place until it is popped.
    if (phase !== 'pending') this.#runners.get(job.request.model.weights)?.leave(job);
  }
}

const NO_WORK = {
  loadMs: 0,
  slotWaitMs: 0,
  promptTokens: 0,
  cachedTokens: 0,
  prefillMs: 0,
  outputTokens: 0,
  decodeMs: 0,
  totalMs: 0,
} as const;
