import type { Backend, Runner } from '../backends/backend.ts';
import type { Ill } from '../backends/ills.ts';
import { Beat, type Schedule } from '../core/beat.ts';
import { errorText } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import type { HostFacts } from '../facts/host.ts';
import { stuckLoad } from '../facts/stuck.ts';
import { diagnose, wedgeEvidence, type Finding } from './diagnosis.ts';
import { Remedies, toUnload, type HealCount, type RemedyParts } from './remedy.ts';

export interface IllWatchParts extends RemedyParts {
  readonly rng: Rng;
  readonly schedule: Schedule;
  /** ms since 1970. */
  readonly wallMs: () => number;
}

export interface IllSettings {
  /** Whether models may be unloaded as a remedy. */
  readonly heal: boolean;
  /** Whether servers are tried out by requests of our own. */
  readonly adaptive: boolean;
}

const INTERVAL_MS = 1_000;
/** A server that is freed goes on loading within about a second; what it owes then takes as long as a load does. */
const TREAT_EVERY_MS = 10_000;
const TREAT_MOST_MS = 300_000;

/** A remedy that did not help is given again later each time. */
interface Treatment {
  nextAt: number;
  times: number;
  busy: boolean;
}

interface Wedge extends Treatment {
  readonly model: string;
  readonly sinceAt: number;
  readonly evidence: string;
  /** Let go as a remedy. */
  readonly unloaded: Set<string>;
}

/**
 * Watches for servers that are ill without saying so, tells of it, keeps requests away from what would not come, and treats
 * what can be treated from outside: a server that has stopped loading, and a runner that hangs.
 */
export class IllWatch {
  readonly #parts: IllWatchParts;
  readonly #remedies: Remedies;
  readonly #wedges = new Map<string, Wedge>();
  /** By runner. */
  readonly #hung = new Map<string, Treatment>();
  readonly #noted = new Map<string, Map<string, Ill>>();
  #settings: IllSettings;
  readonly #beat: Beat;

  constructor(parts: IllWatchParts, settings: IllSettings) {
    this.#parts = parts;
    this.#remedies = new Remedies(parts);
    this.#settings = settings;
    this.#beat = new Beat(INTERVAL_MS, parts.rng, parts.schedule, () => this.beat());
  }

  start(): void {
    this.#beat.start();
  }

  /** Watches no more; what is under way ends by itself. */
  stop(): void {
    this.#beat.stop();
  }

  configure(settings: IllSettings): void {
    this.#settings = settings;
  }

  /** Remedies since the start. */
  get heals(): readonly HealCount[] {
    return this.#remedies.counts;
  }

  /** Judges every backend. O(models and requests of all backends) */
  beat(): void {
    const ids = new Set(this.#parts.registry.ids());
    for (const id of ids) this.judge(id);
    this.#forget(ids);
  }

  /** Says what is the matter with a backend now, and begins to treat it: at a steady beat, and when it was looked at. */
  judge(id: string): void {
    const { registry, facts, clock } = this.#parts;
    const backend = registry.get(id);
    if (backend === undefined) return;
    const at = clock.now();
    const host = facts.host(id);
    const wedge = this.#wedge(backend, host, at);
    if (wedge !== undefined) this.#treat(wedge, at, () => this.#free(backend, host, wedge));
    for (const runner of backend.runners.values()) this.#treatHung(runner, at);
    const found = diagnose(backend, host, at);
    const wedged: Finding | undefined = wedge && {
      kind: 'wedged-loading',
      model: undefined,
      evidence: wedge.evidence,
    };
    this.#note(id, wedged === undefined ? found : [wedged, ...found]);
  }

  // ---- a server that loads nothing ----

  #wedge(backend: Backend, host: HostFacts, at: number): Wedge | undefined {
    const { id } = backend;
    const { registry } = this.#parts;
    const known = this.#wedges.get(id);
    if (known !== undefined) {
      // It came through, or the server is another one or was told to be well.
      const over = host.loadedAt > known.sinceAt || backend.health !== 'up' || !host.stuck;
      if (!over) return known;
      this.#unwedge(id);
      return undefined;
    }
    const stuck = stuckLoad(host, at);
    // While it does not answer either it is another matter.
    if (stuck === undefined || backend.health !== 'up' || backend.misses > 0) return undefined;
    const wedge: Wedge = {
      model: stuck.model,
      sinceAt: at,
      evidence: wedgeEvidence(stuck),
      unloaded: new Set(),
      nextAt: at,
      times: 0,
      busy: false,
    };
    this.#wedges.set(id, wedge);
    registry.setStuck(id, true);
    return wedge;
  }

  #unwedge(id: string): void {
    this.#wedges.delete(id);
    this.#parts.registry.setStuck(id, false);
  }

  /** Lets one model go, then sees whether what was waited for can be loaded, where nobody waits for a load already. */
  async #free(backend: Backend, host: HostFacts, wedge: Wedge): Promise<void> {
    const { clock } = this.#parts;
    if (this.#settings.heal) {
      let victim = toUnload(backend, host, wedge.unloaded, clock.now());
      if (victim === undefined && wedge.unloaded.size > 0) {
        wedge.unloaded.clear();
        victim = toUnload(backend, host, wedge.unloaded, clock.now());
      }
      if (victim !== undefined) {
        wedge.unloaded.add(victim.model);
        await this.#remedies.unload(victim, 'wedged-loading');
      }
    }
    const runner = backend.runners.get(wedge.model);
    const awaited = [...host.runners.keys()].some((model) => host.residency.awaits(model));
    if (runner === undefined || !this.#settings.adaptive || awaited) return;
    const loaded = await this.#remedies.tryLoad(runner);
    // It cannot be tried out: the next client's load shows.
    if (loaded === undefined && this.#wedges.get(backend.id) === wedge) this.#unwedge(backend.id);
  }

  // ---- a runner that hangs ----

  /** Once its breaker is open its server is told to end it, so that the next trial starts a new one. */
  #treatHung(runner: Runner, at: number): void {
    const { id, hungSince, breaker, backend, model } = runner;
    if (hungSince === undefined) {
      this.#hung.delete(id);
      return;
    }
    if (!this.#settings.heal || breaker.state !== 'open' || !backend.loaded.has(model)) return;
    const treatment = this.#hung.get(id) ?? { nextAt: at, times: 0, busy: false };
    this.#hung.set(id, treatment);
    this.#treat(treatment, at, async () => {
      await this.#remedies.unload(runner, 'hung-runner');
    });
  }

  // ---- both ----

  #treat(treatment: Treatment, at: number, give: () => Promise<void>): void {
    if (treatment.busy || at < treatment.nextAt) return;
    treatment.busy = true;
    treatment.nextAt = at + Math.min(TREAT_MOST_MS, TREAT_EVERY_MS * 2 ** treatment.times);
    treatment.times++;
    void give()
      .catch((error: unknown) => {
        const fields = { event: 'heal-fault', error: errorText(error) };
        this.#parts.log.error(fields, 'treating a backend hit a fault of the proxy itself; it is tried again');
      })
      .finally(() => {
        treatment.busy = false;
      });
  }

  #note(id: string, found: readonly Finding[]): void {
    const before = this.#noted.get(id);
    if (before === undefined && found.length === 0) return;
    const now = new Map<string, Ill>();
    for (const finding of found) {
      const key = `${finding.kind} ${finding.model ?? ''}`;
      const known = before?.get(key);
      now.set(key, { ...finding, since: known?.since ?? new Date(this.#parts.wallMs()).toISOString() });
      if (known === undefined) this.#say('warn', id, finding);
    }
    for (const [key, ill] of before ?? []) if (!now.has(key)) this.#say('info', id, ill);
    if (now.size === 0) this.#noted.delete(id);
    else this.#noted.set(id, now);
    this.#parts.registry.setIlls(id, [...now.values()]);
  }

  #say(level: 'warn' | 'info', backend: string, { kind, model, evidence }: Finding): void {
    const where = model === undefined ? backend : `${model} on ${backend}`;
    const event = level === 'warn' ? 'backend-ill' : 'backend-ill-over';
    const text = level === 'warn' ? `${where} is ill (${kind}): ${evidence}` : `${where} is no longer ill (${kind})`;
    this.#parts.log[level]({ event, backend, model, kind, evidence }, text);
  }

  #forget(ids: ReadonlySet<string>): void {
    for (const id of this.#noted.keys()) if (!ids.has(id)) this.#noted.delete(id);
    for (const id of this.#wedges.keys()) if (!ids.has(id)) this.#wedges.delete(id);
    this.#remedies.keep(ids);
  }
}
