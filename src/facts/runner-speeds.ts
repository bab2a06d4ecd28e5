import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import { ANOTHER_THING, Pace, PRIOR_SAMPLES, readPace, SPEED_CAP, SPEED_TAU_MS, type SavedPace } from './pace.ts';
import { PeakRatio } from './peak.ts';
import type { Saved } from './saved.ts';
import type { Estimate, RunnerSpeeds } from './types.ts';

/** Speeds are kept as if the weights had this size (8 B parameters at 4 bits): time per token ∝ bytes to be read. */
const REFERENCE_BYTES = 5e9;

/** Below an eighth of that, fixed costs take over and a smaller model gains nothing more. */
const LEAST_SIZE = 1 / 8;

/** A load before any was seen: starting a process and allocating, and reading the file from a middling SSD. */
const LOAD_BASE_MS = 2000;
const LOAD_BYTES_PER_MS = 1.2e6;

/** Shorter runs are mostly fixed costs. From the full length on a sample counts 1, below in proportion. */
const LEAST_PREFILL = 16;
const FULL_PREFILL = 128;
const LEAST_DECODE = 4;
const FULL_DECODE = 32;

/** Mean company up to which a request counts as alone, and from which it shows what company costs. */
const ALONE = 1.1;
const ACCOMPANIED = 1.3;

/** Samples alone that a comparison must stand on. */
const COMPARABLE = 2;

/** One comparison says no more than this either way, however odd; the mean of many is what counts. */
const SLOPE_SAMPLE_LEAST = -0.5;
const SLOPE_SAMPLE_MOST = 1.5;

/** The model counts as wholly in video memory from here: /api/ps rounds, and a few tensors always stay outside. */
const WHOLE = 0.99;

/** How an earlier load was split between memories says little about the next one, which finds other neighbours. */
const VRAM_KEPT_MS = 1_800_000;

/** What is left of the decode speed of a model that does not fit into video memory, before it is measured (5.11). */
const SPILL_SPEED = 0.3;
/** What is left of it without any video memory: a CPU has about a tenth of a middling GPU's bandwidth. */
const CPU_SPEED = 0.1;

/** `gpu-lost`: as slow as without a GPU, and it was faster. `spill`: the model does not fit into video memory. */
export type Suspicion = 'none' | 'spill' | 'gpu-lost';

export interface SpeedEstimates {
  /** ms per token, and ms. */
  readonly prefill: Estimate;
  readonly decode: Estimate;
  readonly load: Estimate;
}

/** What the runners of one host have in common; times per token are for `REFERENCE_BYTES`, loads are factors. */
export interface SharedSpeeds {
  prefill(at: number): number;
  decode(at: number): number;
  load(at: number): number;
  /** Share by which each further busy request slows everybody: factor 1 + slope·(k − 1), 0…1. */
  slope(at: number): number;
  /** Whether any model was seen in video memory. */
  hasGpu: boolean;
  /** One of its runners took so many times as long as it usually does. */
  paced(ratio: number, at: number): void;
  /** How many times as long everything takes of late; 1 = as usual. */
  loss(at: number): number;
  /** The longest that a load took which waited for nobody, as a factor on the formula; 0 = none was seen, by the pool neither. */
  longestLoad(): number;
  learnPrefill(sample: number, at: number, weight: number): void;
  learnDecode(sample: number, at: number, weight: number): void;
  learnLoad(factor: number, at: number, alone: boolean): void;
  learnSlope(sample: number, at: number, weight: number): void;
}

/** Plain data for JSON. */
export interface SavedRunnerSpeeds {
  readonly sizeBytes: number;
  readonly prefill: SavedPace;
  readonly decode: SavedPace;
  readonly load: SavedMean | null;
  readonly alone: SavedMean | null;
}

/** Checks what `LearnedSpeeds.snapshot` gave. @throws {SavedFactsError} */
export const readRunnerSpeeds = (saved: Saved): SavedRunnerSpeeds => ({
  sizeBytes: saved.field('sizeBytes').amount(),
  prefill: readPace(saved.field('prefill')),
  decode: readPace(saved.field('decode')),
  load: readMean(saved.field('load')),
  alone: readMean(saved.field('alone')),
});

/**
 * How fast one model runs on one host: x̂ = (n·x_bm + 3·x_b·g_m)/(n + 3), with x_bm its own mean, x_b the host's,
 * shrunk to the pool's, and g_m ∝ model size (routing-science 5.1). Times and not rates are averaged: times add up.
 * Reading and recording are O(1) and allocate nothing.
 */
export class LearnedSpeeds implements RunnerSpeeds {
  readonly #host: SharedSpeeds;
  readonly #sizeBytes: number;
  /** g_m: time per token against a model of `REFERENCE_BYTES`. */
  readonly #size: number;
  /** ms that a load takes by the formula; what is learned is a factor on it. */
  readonly #loadMs: number;
  readonly #prefill = new Pace();
  readonly #decode = new Pace();
  readonly #load = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  /** Decode while alone, for comparison with decode in company. */
  readonly #alone = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  readonly #slowFirst = new PeakRatio();
  readonly #slowToken = new PeakRatio();
  #longestLoad = 0;
  #vramShare = 1;
  /** It was seen to be in video memory as a whole. */
  #wasWhole = false;
  #vramAt = Number.NEGATIVE_INFINITY;

  /** @param sizeBytes of the weights; 0 = not known, which counts as `REFERENCE_BYTES` */
  constructor(host: SharedSpeeds, sizeBytes: number) {
    this.#host = host;
    this.#sizeBytes = sizeBytes;
    const bytes = sizeBytes > 0 ? sizeBytes : REFERENCE_BYTES;
    this.#size = Math.max(LEAST_SIZE, bytes / REFERENCE_BYTES);
    this.#loadMs = LOAD_BASE_MS + bytes / LOAD_BYTES_PER_MS;
  }

  prefillMs(at: number): number {
    return this.#prefill.value(this.#host.prefill(at), at) * this.#size;
  }

  decodeMs(at: number): number {
    const host = this.#host.decode(at);
    const speed = this.#spills(at) ? SPILL_SPEED : this.#offGpu(at) && this.#host.loss(at) === 1 ? CPU_SPEED : 1;
    return this.#decode.value(host / speed, at) * this.#size;
  }

  loadMs(at: number): number {
    return this.#load.shrunk(this.#host.load(at), PRIOR_SAMPLES, at) * this.#loadMs;
  }

  /**
   * The longest that a load of it can be expected to take, by the longest that was seen: its own, else its host's or the
   * pool's, in proportion to the size. Undefined while no load was seen anywhere.
   */
  longestLoadMs(at: number): number | undefined {
    // The mean outlives the process, the longest does not.
    const own = Math.max(this.#longestLoad, this.#load.samples(at) > 0 ? this.#load.value : 0);
    const factor = own > 0 ? own : this.#host.longestLoad();
    return factor > 0 ? factor * this.#loadMs : undefined;
  }

  slowFirst(at: number): number {
    return this.#slowFirst.value(at);
  }

  slowToken(at: number): number {
    return this.#slowToken.value(at);
  }

  /**
   * Reading exactly `tokens` uncached tokens took `ms`, with `company` requests busy on the host on average, this one
   * included (≥ 1). False = not used: too short, impossible, or so fast that it must have been a hidden cache hit.
   */
  prefilled(tokens: number, ms: number, company: number, at: number): boolean {
    if (!(tokens >= LEAST_PREFILL) || !usable(ms / tokens)) return false;
    const sample = this.#prefill.believe(this.#normal(ms / tokens, company, at), at);
    if (sample === undefined) return false;
    const weight = Math.min(1, tokens / FULL_PREFILL);
    const teaches = this.#paced(this.#prefill.add(sample, at, weight), at);
    if (teaches) this.#host.learnPrefill(sample, at, weight);
    return true;
  }

  /** Writing `tokens` took `ms` in such company. False = not used. Samples in company also teach the host's slope. */
  decoded(tokens: number, ms: number, company: number, at: number): boolean {
    if (!(tokens >= LEAST_DECODE) || !usable(ms / tokens)) return false;
    const weight = Math.min(1, tokens / FULL_DECODE);
    const raw = ms / tokens / this.#size;
    if (!(company > ALONE)) this.#alone.add(raw, at, weight);
    else if (company > ACCOMPANIED) this.#compare(raw, company, at);
    const sample = this.#normal(ms / tokens, company, at);
    const teaches = this.#paced(this.#decode.add(sample, at, weight), at);
    if (teaches) this.#host.learnDecode(sample, at, weight);
    return true;
  }

  /** @param ratio a sample over this runner's usual level @returns whether the sample says something about the host */
  #paced(ratio: number | undefined, at: number): boolean {
    // What does not fit into video memory says nothing about models that do.
    if (this.#spills(at)) return false;
    if (ratio === undefined) return true;
    this.#host.paced(ratio, at);
    // Until the host has turned, one that is suddenly slow is an odd one.
    return ratio < ANOTHER_THING || this.#host.loss(at) > 1;
  }

  /** The host has turned slow by so many times, or has recovered: so has this runner, whether it was measured or not. */
  follow(slow: boolean, factor: number, at: number): void {
    this.#prefill.follow(slow, factor, at);
    this.#decode.follow(slow, factor, at);
  }

  /** A load that this request alone waited for took `ms`. @param alone nobody else's work can have held it up */
  loaded(ms: number, at: number, alone = false): void {
    if (!usable(ms)) return;
    const factor = ms / this.#loadMs;
    this.#load.add(factor, at);
    if (alone) this.#longestLoad = Math.max(this.#longestLoad, factor);
    this.#host.learnLoad(factor, at, alone);
  }

  /** Observed over predicted time to first token once dispatched, and time per token; undefined = not observed. */
  observed(ratioFirst: number | undefined, ratioToken: number | undefined, at: number): void {
    if (ratioFirst !== undefined) this.#slowFirst.add(ratioFirst, at);
    if (ratioToken !== undefined) this.#slowToken.add(ratioToken, at);
  }

  /** The share of the model that /api/ps shows in video memory, 0…1. */
  vramShare(share: number, at: number): void {
    const was = this.#vramShare;
    this.#vramShare = share;
    this.#vramAt = at;
    if (share > 0) this.#host.hasGpu = true;
    if (share >= WHOLE) this.#wasWhole = true;
    if (!this.#host.hasGpu || was > 0 === share > 0) return;
    this.follow(share === 0, 1 / CPU_SPEED, at);
  }

  /** What /api/ps last showed: the share in video memory, and whether all of it was there once. */
  get memory(): { readonly vramShare: number; readonly wasWhole: boolean } {
    return { vramShare: this.#vramShare, wasWhole: this.#wasWhole };
  }

  /** Why it may be slow. What /api/ps shows goes before what times suggest. */
  suspicion(at: number): Suspicion {
    if (this.#spills(at)) return 'spill';
    if (this.#offGpu(at)) return 'gpu-lost';
    return this.#decode.slowed(at) || this.#prefill.slowed(at) ? 'gpu-lost' : 'none';
  }

  /** The numbers that forecasts read, with this runner's own samples behind them. */
  estimates(at: number): SpeedEstimates {
    return {
      prefill: this.#prefill.estimate(at, this.prefillMs(at)),
      decode: this.#decode.estimate(at, this.decodeMs(at)),
      load: this.#load.estimate(at, this.loadMs(at)),
    };
  }

  /** What lasts: ratios and video memory are of the moment, and are observed anew. */
  snapshot(at: number): SavedRunnerSpeeds {
    return {
      sizeBytes: this.#sizeBytes,
      prefill: this.#prefill.save(at),
      decode: this.#decode.save(at),
      load: this.#load.save(at),
      alone: this.#alone.save(at),
    };
  }

  /** Takes over checked data (`readRunnerSpeeds`) as if it had been saved at `at`. */
  restore(saved: SavedRunnerSpeeds, at: number): void {
    this.#prefill.load(saved.prefill, at);
    this.#decode.load(saved.decode, at);
    this.#load.load(saved.load, at);
    this.#alone.load(saved.alone, at);
  }

  #spills(at: number): boolean {
    return this.#vramShare > 0 && this.#vramShare < WHOLE && this.#sees(at);
  }

  #offGpu(at: number): boolean {
    return this.#host.hasGpu && this.#vramShare === 0 && this.#sees(at);
  }

  #sees(at: number): boolean {
    return at - this.#vramAt < VRAM_KEPT_MS;
  }

  /** ms per token as if alone and of the reference size. */
  #normal(msPerToken: number, company: number, at: number): number {
    const others = Math.max(0, company - 1);
    return msPerToken / (1 + this.#host.slope(at) * others) / this.#size;
  }

  /** Against its own time alone, while that is trusted: a runner that lost its GPU says nothing about company. */
  #compare(raw: number, company: number, at: number): void {
    if (this.#alone.samples(at) < COMPARABLE || this.#decode.slowed(at)) return;
    const others = company - 1;
    const slope = (raw / this.#alone.value - 1) / others;
    // The same noise in the time moves the slope less, the more company there is: so that counts more.
    const weight = Math.min(1, others);
    this.#host.learnSlope(Math.min(SLOPE_SAMPLE_MOST, Math.max(SLOPE_SAMPLE_LEAST, slope)), at, weight);
  }
}

const usable = (ms: number): boolean => ms > 0 && Number.isFinite(ms);
