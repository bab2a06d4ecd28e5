import { FULL, LEANING, type Entrant, type Start } from '../../src/admission/entrant.ts';
import { Gate, type GateSettings } from '../../src/admission/gate.ts';
import { ManualClock } from '../../src/core/clock.ts';
import type { ProxyError } from '../../src/core/errors.ts';
import { seededRng, type Rng } from '../../src/core/rng.ts';

export const WEIGHTS = { interactive: 8, normal: 3, batch: 1 };

export const entrant = (some: Partial<Entrant> = {}): Entrant => ({
  lane: 'm',
  priority: 'normal',
  tenant: '',
  tenantWeight: 1,
  deadline: Infinity,
  bytes: 0,
  estimateMs: 0,
  promptTokens: 0,
  returning: false,
  ...some,
});

export interface Timer {
  readonly ms: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A gate before lanes that have so many places each, and a book of what happens. */
export class QueueScene {
  readonly clock = new ManualClock();
  readonly timers: Timer[] = [];
  readonly gate: Gate;
  readonly room: Record<string, number>;
  /** Names in the order in which they started, in which they were asked, and codes of those refused. */
  readonly started: string[] = [];
  readonly asked: string[] = [];
  readonly refused: ProxyError[] = [];
  /** The lanes with which walks began. */
  readonly walks: (string | undefined)[] = [];
  /** Those who lean whatever there is. */
  readonly lean = new Set<string>();

  constructor(room: Record<string, number> = {}, settings: Partial<GateSettings> = {}, rng: Rng = seededRng(1)) {
    this.room = room;
    const schedule = (ms: number, run: () => void): (() => void) => {
      const timer: Timer = { ms, run, cancelled: false };
      this.timers.push(timer);
      return () => {
        timer.cancelled = true;
      };
    };
    this.gate = new Gate(this.clock, schedule, { ...this.settings(), ...settings }, rng);
  }

  settings(): GateSettings {
    return {
      maxWaiting: 10_000,
      maxWaitMs: 300_000,
      classWeights: WEIGHTS,
      hooks: { walkBegins: (lane) => this.walks.push(lane) },
    };
  }

  start(name: string, who: Entrant, can: () => boolean = () => true): Start<string> {
    this.asked.push(name);
    if (this.lean.has(name)) return LEANING;
    const places = this.room[who.lane] ?? 0;
    if (places < 1 || !can()) return FULL;
    this.room[who.lane] = places - 1;
    return { kind: 'started', value: name };
  }

  /** Enters and books what comes of it. */
  add(name: string, some: Partial<Entrant> = {}, can?: () => boolean): () => void {
    const who = entrant({ id: name, ...some });
    return this.gate.enter(who, () => this.start(name, who, can), {
      started: (value) => this.started.push(value),
      refused: (error) => this.refused.push(error),
    });
  }

  /** So many places more in a lane, told to the gate. */
  free(places = 1, lane = 'm'): void {
    this.room[lane] = (this.room[lane] ?? 0) + places;
    this.gate.pump();
  }

  /** What was booked as started or asked since the last time. */
  take(book: 'started' | 'asked'): string[] {
    return this[book].splice(0);
  }
}
