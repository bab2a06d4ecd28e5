import { seededRng } from '../../src/core/rng.ts';
import type { Usage } from '../../src/core/types.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import { VirtualTime } from '../../src/sim/model/scheduler.ts';
import { NO_FAULTS, type FaultPlan } from './faults.ts';
import type { Fleet } from './fleets.ts';
import { Prober } from './prober.ts';
import type { AttemptEnd, SimPolicy, WorldView } from './policy.ts';
import type { LiveRequest, RequestEnd, RequestRecord } from './record.ts';
import { SimServer } from './server.ts';
import { totalsOf, type Totals } from './totals.ts';
import { turnOf, type Session, type SimJob, type SimTurn, type Workload } from './workload.ts';

export interface SimOptions {
  readonly workload: Workload;
  readonly fleet: Fleet;
  /** Makes a fresh policy: once at the start, and once for every restart of the proxy. */
  readonly policy: () => SimPolicy;
  readonly faults?: FaultPlan;
  /** Chance of the policy, the prober and the faults; the workload has its own. */
  readonly seed: number;
  /** Whether the operator told the slots of every server. Default true. */
  readonly tellSlots?: boolean;
  /** What the operator told in slots for one that the server really has: 2 = twice as many. Default 1. */
  readonly slotsFactor?: number;
  /** ms of virtual time after which whatever is open counts as unfinished. Default a day. */
  readonly limitMs?: number;
}

/** An attempt on its way. */
export interface Sent {
  /** ms of virtual time. */
  readonly at: number;
  readonly server: string;
}

export interface SimResult {
  readonly policy: string;
  readonly seed: number;
  /** Requests after the warm-up, in the order in which they ended. */
  readonly records: readonly RequestRecord[];
  /** Every attempt, those of the warm-up too, in order. */
  readonly sends: readonly Sent[];
  /** What the machines did after the warm-up. */
  readonly totals: Totals;
  /** ms of virtual time from the end of the warm-up to the last end. */
  readonly spanMs: number;
}

/** Share of the requests, first ones first, that fill memories and queues and are not counted. */
const WARM_UP = 0.1;
const DAY_MS = 86_400_000;
/** ms that an open-loop client allows for an answer before it thinks: as if every answer took this long. */
const OPEN_ANSWER_MS = 5000;

/** ms over which the users of a closed loop come, evenly. */
const RAMP_MS = 60_000;

/** Runs a workload on a fleet under a policy. The same options give the same result, bit for bit. */
export const simulate = (options: SimOptions): SimResult => new Run(options).result();

class Run {
  readonly #options: SimOptions;
  readonly #clock = new VirtualTime();
  readonly #servers: ReadonlyMap<string, SimServer>;
  readonly #live = new Map<string, LiveRequest>();
  readonly #records: RequestRecord[] = [];
  readonly #sends: Sent[] = [];
  readonly #probers: Prober[] = [];
  readonly #warmUp: number;
  /** Policy that takes what arrives now. */
  #policy: SimPolicy;
  /** Sessions that wait for a free user of a closed loop, in order. */
  #nextSession = 0;
  #arrived = 0;
  #ended = 0;
  #before: Totals | undefined;
  #countedFrom = 0;

  constructor(options: SimOptions) {
    this.#options = options;
    this.#warmUp = Math.floor(options.workload.size * WARM_UP);
    const { servers } = options.fleet;
    this.#servers = new Map(
      servers.map((spec) => [spec.id, new SimServer(spec, this.#clock, this.#rng(`server ${spec.id}`))]),
    );
    this.#policy = this.#startPolicy();
  }

  result(): SimResult {
    const { workload, faults = NO_FAULTS, limitMs = DAY_MS, seed } = this.#options;
    this.#planFaults(faults);
    this.#planSessions(workload);
    while (this.#ended < workload.size) {
      const next = this.#clock.next();
      if (next === undefined || next > limitMs) break;
      this.#clock.run(next);
    }
    for (const live of this.#live.values()) this.#close(live, 'unfinished', 'the run ended before it did');
    const now = totalsOf(this.#servers.values());
    return {
      policy: this.#policy.name,
      seed,
      records: this.#records,
      sends: this.#sends,
      totals: this.#before === undefined ? now : now.minus(this.#before),
      spanMs: this.#clock.now() - this.#countedFrom,
    };
  }

  #rng(purpose: string) {
    return seededRng(hash32(purpose, this.#options.seed));
  }

  // ---- The policies ------------------------------------------------------------------------------------------------

  #startPolicy(): SimPolicy {
    const policy = this.#options.policy();
    policy.start(this.#worldOf(policy));
    this.#probers.push(new Prober(this.#clock, this.#rng(`prober ${this.#probers.length}`), this.#servers, policy));
    return policy;
  }

  #worldOf(policy: SimPolicy): WorldView {
    const { tellSlots = true, slotsFactor = 1 } = this.#options;
    const server = (id: string): SimServer => {
      const found = this.#servers.get(id);
      if (found === undefined) throw new Error(`policy ${policy.name} names server ${id}, which does not exist`);
      return found;
    };
    return {
      servers: [...this.#servers.values()].map((each) => each.info(tellSlots ? slotsFactor : 0)),
      rng: this.#rng(`policy ${this.#probers.length}`),
      truth: {
        turn: (job) => this.#liveOf(job, policy, 'asks about').turn,
        machine: (id) => server(id).machine,
        server: (id) => server(id).spec,
      },
      now: () => this.#clock.now(),
      at: (timeMs, run) => this.#clock.at(timeMs, run),
      send: (job, id, keepAliveMs) => this.#send(policy, this.#waiting(job, policy, 'sends'), server(id), keepAliveMs),
      refuse: (job, why) => {
        const live = this.#waiting(job, policy, 'refuses');
        this.#close(live, live.attempts === 0 ? 'refused' : 'failed', why);
      },
      abandon: (job) => {
        const live = this.#liveOf(job, policy, 'abandons');
        if (live.cancel === undefined || !Number.isNaN(live.firstTokenAt)) {
          throw new Error(`policy ${policy.name} abandons ${job.id}, which has no attempt or has its first token`);
        }
        live.cancel();
        live.cancel = undefined;
      },
      load: (id, model, shape, keepAliveMs, done) => server(id).load(model, shape, keepAliveMs, done),
      unload: (id, model) => server(id).unload(model),
    };
  }

  #liveOf(job: SimJob, policy: SimPolicy, verb: string): LiveRequest {
    const live = this.#live.get(job.id);
    if (live === undefined) throw new Error(`policy ${policy.name} ${verb} ${job.id}, which has ended`);
    return live;
  }

  #waiting(job: SimJob, policy: SimPolicy, verb: string): LiveRequest {
    const live = this.#liveOf(job, policy, verb);
    if (live.cancel === undefined) return live;
    throw new Error(`policy ${policy.name} ${verb} ${job.id}, which is on its way already`);
  }

  // ---- One request -------------------------------------------------------------------------------------------------

  #arrive(session: Session, index: number): void {
    const turn = turnOf(session, index, this.#clock.now());
    if (turn === undefined) return;
    if (this.#arrived === this.#warmUp) {
      this.#before = totalsOf(this.#servers.values());
      this.#countedFrom = this.#clock.now();
    }
    const live: LiveRequest = {
      turn,
      counted: this.#arrived >= this.#warmUp,
      sentAt: Number.NaN,
      firstTokenAt: Number.NaN,
      attempts: 0,
      server: '',
      cancel: undefined,
      closed: false,
    };
    this.#arrived += 1;
    this.#live.set(turn.id, live);
    const policy = this.#policy;
    if (Number.isFinite(turn.patienceMs)) {
      this.#clock.at(turn.at + turn.patienceMs, () => this.#leave(policy, live));
    }
    if (this.#options.workload.loop !== 'open')
      this.#afterwards.set(turn.id, () => this.#continue(session, index, turn));
    policy.arrive(turn);
  }

  /** What happens when a request has ended: its session goes on. */
  readonly #afterwards = new Map<string, () => void>();

  #continue(session: Session, index: number, turn: SimTurn): void {
    const at = this.#clock.now() + turn.thinkMs;
    const more = index + 1 < session.turns.length;
    if (more) this.#clock.at(at, () => this.#arrive(session, index + 1));
    else if (this.#options.workload.loop === 'closed') this.#clock.at(at, () => this.#nextUser());
  }

  #send(policy: SimPolicy, live: LiveRequest, server: SimServer, keepAliveMs: number | undefined): void {
    const sentAt = this.#clock.now();
    const { turn } = live;
    live.sentAt = sentAt;
    live.server = server.spec.id;
    live.attempts += 1;
    this.#sends.push({ at: sentAt, server: server.spec.id });
    const prober = this.#probers.find((each) => each.policy === policy);
    prober?.sent(server.spec.id);
    const end = (result: AttemptEnd): void => {
      live.cancel = undefined;
      prober?.ended(server.spec.id);
      policy.ended(turn, server.spec.id, result);
    };
    const cancel = server.send(turn, keepAliveMs, {
      firstToken: () => {
        live.firstTokenAt = this.#clock.now();
        policy.firstToken(turn, server.spec.id);
      },
      done: (timings) => {
        const totalMs = this.#clock.now() - sentAt;
        // Without tokens, as embeddings are: begun when it is there.
        if (Number.isNaN(live.firstTokenAt)) live.firstTokenAt = this.#clock.now();
        // Closed first: whatever the policy sends next must find this one gone.
        this.#close(live, 'served', '', timings);
        end({ kind: 'served', usage: usageOf(timings), firstTokenMs: live.firstTokenAt - sentAt, totalMs });
      },
      failed: (reason, phase) => {
        if (!Number.isNaN(live.firstTokenAt)) this.#close(live, 'failed', reason);
        end({ kind: 'failed', reason, phase, ms: this.#clock.now() - sentAt });
      },
    });
    live.cancel = () => {
      prober?.ended(server.spec.id);
      cancel();
    };
  }

  #leave(policy: SimPolicy, live: LiveRequest): void {
    if (live.closed) return;
    const { cancel, turn, sentAt } = live;
    this.#close(live, 'left', '');
    cancel?.();
    const ms = this.#clock.now() - (cancel === undefined ? turn.at : sentAt);
    policy.ended(turn, cancel === undefined ? undefined : live.server, { kind: 'left', ms });
  }

  #close(live: LiveRequest, end: RequestEnd, why: string, timings?: Timings): void {
    const { turn } = live;
    live.closed = true;
    this.#live.delete(turn.id);
    this.#ended += 1;
    if (live.counted) {
      this.#records.push({
        id: turn.id,
        tenant: turn.tenant,
        model: turn.model,
        arrivedAt: turn.at,
        sentAt: live.sentAt,
        firstTokenAt: live.firstTokenAt,
        endedAt: this.#clock.now(),
        end,
        why,
        attempts: live.attempts,
        server: live.server,
        loadMs: timings?.loadMs ?? 0,
        promptTokens: timings?.promptTokens ?? 0,
        cachedTokens: timings?.cachedTokens ?? 0,
        outputTokens: timings?.outputTokens ?? 0,
      });
    }
    this.#afterwards.get(turn.id)?.();
    this.#afterwards.delete(turn.id);
  }

  // ---- What comes from outside -------------------------------------------------------------------------------------

  #planSessions({ loop, sessions, users }: Workload): void {
    if (loop === 'closed') {
      for (let user = 0; user < users; user += 1) this.#clock.at((RAMP_MS * user) / users, () => this.#nextUser());
      return;
    }
    for (const session of sessions) {
      let { at } = session;
      const known = loop === 'open' ? session.turns.length : 1;
      for (let index = 0; index < known; index += 1) {
        this.#clock.at(at, () => this.#arrive(session, index));
        at += OPEN_ANSWER_MS + (session.turns[index]?.thinkMs ?? 0);
      }
    }
  }

  #nextUser(): void {
    const session = this.#options.workload.sessions[this.#nextSession];
    this.#nextSession += 1;
    if (session !== undefined) this.#arrive(session, 0);
  }

  #planFaults({ servers, restarts }: FaultPlan): void {
    for (const { server, from, until, fault } of servers) {
      const target = this.#servers.get(server);
      if (target === undefined) throw new Error(`a fault names server ${server}, which fleet lacks`);
      this.#clock.at(from, () => target.begin(fault));
      if (Number.isFinite(until)) this.#clock.at(until, () => target.finish(fault));
    }
    for (const at of restarts) {
      this.#clock.at(at, () => {
        this.#policy = this.#startPolicy();
      });
    }
  }
}

/** The final record as a real server writes it: cached tokens are in the count, and nowhere told apart. */
const usageOf = (timings: Timings): Usage => ({
  promptTokens: timings.promptTokens,
  outputTokens: timings.outputTokens,
  cachedTokens: undefined,
  loadMs: timings.loadMs,
  prefillMs: timings.prefillMs,
  decodeMs: timings.decodeMs,
});
