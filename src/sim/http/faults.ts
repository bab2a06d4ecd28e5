import { modelKey } from '../../core/model-name.ts';
import { seededRng, type Rng } from '../../core/rng.ts';
import { OUTLIVES_PROCESS, type MachineIll } from '../model/ills.ts';

/** Which requests a fault hits. Everything left out matches all. */
export interface FaultMatch {
  readonly model?: string;
  /** The exact path, `/api/chat`. */
  readonly path?: string;
  /** Only routes that run a model; version, tags and ps go on answering. */
  readonly inferenceOnly?: boolean;
  /** 0…1, default 1; drawn from the server's seed. */
  readonly probability?: number;
  /** How many requests it hits before it ends by itself; default: no end. */
  readonly count?: number;
}

/** How it fails. */
export type FaultKind =
  /** Without `count` the port stops listening; with it, that many connections are closed as they are accepted. */
  | { readonly kind: 'refuse' }
  /** RST before the head of the answer. */
  | { readonly kind: 'reset' }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** An error status; the message defaults to Ollama's own for 404, 500 and 503. */
  | { readonly kind: 'status'; readonly status: number; readonly message?: string }
  /** The first line of a 200 stream is an error; a non-streaming answer is a 500. */
  | { readonly kind: 'error-first'; readonly message?: string }
  /** An error line after so many lines, then a clean end, as when the runner dies. */
  | { readonly kind: 'error-line'; readonly afterLines: number; readonly message?: string }
  /** The connection dies after so many lines: RST, or a FIN without the last chunk. */
  | { readonly kind: 'cut'; readonly afterLines: number; readonly how?: 'reset' | 'fin' }
  /** A clean end without the final record. */
  | { readonly kind: 'end-early'; readonly afterLines: number }
  /** Silence after so many lines, with the connection open. */
  | { readonly kind: 'stall'; readonly afterLines: number }
  /** Loads, reads and writes take so many times as long, > 0. */
  | { readonly kind: 'slow'; readonly factor: number }
  /** Bytes that are not HTTP, or an answer that is not JSON. */
  | { readonly kind: 'garbage'; readonly what?: 'bytes' | 'json' }
  /** The process is stopped (SIGSTOP): connections are taken, not a byte comes, answers under way stand still. */
  | { readonly kind: 'stopped' }
  /** The machine behind the server is ill; hits no request by itself, and ends as `MachineIll` says. */
  | MachineIll;

export type Fault = FaultKind & FaultMatch;

export interface FaultHandle {
  /** Takes this fault away. */
  clear(): void;
  /** Requests (or connections) it has hit. */
  hits(): number;
}

export interface FaultControl {
  set(fault: Fault): FaultHandle;
  /** Takes all faults away. */
  clear(): void;
  list(): readonly Fault[];
  /** Settled once the port listens, or stopped listening, as the faults say. */
  ready(): Promise<void>;
}

export interface FaultSubject {
  readonly path: string;
  readonly model: string;
  readonly inference: boolean;
}

interface Active {
  readonly fault: Fault;
  hits: number;
  cure: () => void;
}

/** What is the matter with the machine; undefined for faults of the server and its connections. */
const illOf = (fault: Fault): MachineIll | undefined => {
  switch (fault.kind) {
    case 'wedged':
    case 'gpu-lost':
    case 'hung-runner':
    case 'dead-runner':
    case 'orphan-memory':
      return fault;
    default:
      return undefined;
  }
};

/** Makes a machine ill. @param over told when that has ended by itself @returns ends it */
export type Fall = (ill: MachineIll, over: () => void) => () => void;

const invalid = (fault: Fault): string | undefined => {
  if (fault.probability !== undefined && !(fault.probability >= 0 && fault.probability <= 1))
    return 'probability must be 0…1';
  if (fault.count !== undefined && !(Number.isInteger(fault.count) && fault.count >= 1))
    return 'count must be 1 or more';
  if (fault.kind === 'status' && !(fault.status >= 400 && fault.status <= 599)) return 'status must be 400…599';
  if ((fault.kind === 'slow' || fault.kind === 'gpu-lost') && !(fault.factor > 0)) return 'factor must be above 0';
  if (fault.kind === 'orphan-memory' && !(fault.bytes >= 0)) return 'bytes must be 0 or more';
  if ((fault.kind === 'hung-runner' || fault.kind === 'dead-runner') && typeof fault.model !== 'string')
    return 'model must be named';
  if ('afterLines' in fault && !(fault.afterLines >= 0)) return 'afterLines must be 0 or more';
  return undefined;
};

/** Faults of an answer in progress are about inference, unless a path is named. */
const strikesAnswers = (fault: Fault): boolean =>
  'afterLines' in fault || fault.kind === 'error-first' || fault.kind === 'slow';

/** The switched-on faults, in the order of switching; the first that matches a request is the one it gets. */
export class FaultSet {
  readonly #active = new Set<Active>();
  readonly #rng: Rng;
  readonly #changed: () => void;
  readonly #fall: Fall;

  /** `changed` is told after every change, so that the listener can follow; `fall` makes the machine ill. */
  constructor(seed: number, changed: () => void, fall: Fall = () => () => undefined) {
    this.#rng = seededRng(seed);
    this.#changed = changed;
    this.#fall = fall;
  }

  set(fault: Fault): FaultHandle {
    const problem = invalid(fault);
    if (problem !== undefined) throw new RangeError(`fault ${fault.kind}: ${problem}`);
    const active: Active = { fault, hits: 0, cure: () => undefined };
    this.#active.add(active);
    this.#begin(active);
    this.#changed();
    return {
      clear: () => {
        if (this.#end(active)) this.#changed();
      },
      hits: () => active.hits,
    };
  }

  clear(): void {
    for (const active of this.#active) this.#end(active);
    this.#changed();
  }

  /** The process was replaced by a new one: what was the matter with the old one is over, what the hardware has goes on. */
  restarted(): void {
    for (const active of this.#active) {
      const ill = illOf(active.fault);
      if (ill === undefined ? active.fault.kind === 'stopped' : !OUTLIVES_PROCESS.has(ill.kind)) this.#end(active);
      else this.#begin(active);
    }
    this.#changed();
  }

  #begin(active: Active): void {
    const ill = illOf(active.fault);
    if (ill === undefined) return;
    active.cure = this.#fall(ill, () => this.#active.delete(active));
  }

  #end(active: Active): boolean {
    const was = this.#active.delete(active);
    if (was) active.cure();
    return was;
  }

  list(): readonly Fault[] {
    return [...this.#active].map((active) => active.fault);
  }

  /** Whether the process is stopped. */
  get stopped(): boolean {
    return this.list().some(({ kind }) => kind === 'stopped');
  }

  /** Whether the port must not listen at all. */
  get refusing(): boolean {
    return this.list().some((fault) => fault.kind === 'refuse' && fault.count === undefined);
  }

  /** Whether a connection just accepted is to be closed. */
  takeConnection(): boolean {
    for (const active of this.#active) {
      if (active.fault.kind === 'refuse' && active.fault.count !== undefined && this.#hit(active)) return true;
    }
    return false;
  }

  /** The fault that this request gets, counted. */
  take(subject: FaultSubject): Fault | undefined {
    for (const active of this.#active) {
      const { fault } = active;
      if (fault.kind === 'refuse' || fault.kind === 'stopped' || illOf(fault) !== undefined) continue;
      if (fault.path !== undefined && fault.path !== subject.path) continue;
      if (fault.model !== undefined && modelKey(fault.model) !== modelKey(subject.model)) continue;
      if (!subject.inference && (fault.inferenceOnly === true || (strikesAnswers(fault) && fault.path === undefined)))
        continue;
      if (this.#hit(active)) return fault;
    }
    return undefined;
  }

  #hit(active: Active): boolean {
    const { probability, count } = active.fault;
    if (probability !== undefined && this.#rng.next() >= probability) return false;
    active.hits += 1;
    if (count !== undefined && active.hits >= count) this.#active.delete(active);
    return true;
  }
}
