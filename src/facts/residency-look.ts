import type { LearnedCapacity } from './capacity.ts';
import { occupiedBy, type Resident, type SeenModel } from './resident.ts';

/** A server's own time is told in whole seconds, and a look takes some time. */
const ROUNDING_MS = 3_000;

/** What a look found that our requests do not account for. */
export interface ResidencyChanges {
  /** Whose runner is gone, or was restarted: what it remembered is lost. */
  readonly gone: readonly string[];
  /** Loaded, or reloaded in another shape, by somebody else. */
  readonly appeared: readonly string[];
  /** Given more time, or kept beyond it, by a request of somebody else; undefined = none. */
  readonly used: readonly string[] | undefined;
}

const NO_CHANGES: ResidencyChanges = { gone: [], appeared: [], used: undefined };

/** One look at `/api/ps` while it is compared with what was believed. */
export class Look {
  readonly #askedAt: number;
  readonly #at: number;
  readonly #busy: (model: string) => boolean;
  readonly #first: boolean;
  readonly #listed = new Set<Resident>();
  readonly #gone: string[] = [];
  readonly #appeared: string[] = [];
  readonly #used: string[] = [];

  /** Something was loaded since the look before. */
  #loads = false;
  /** What the list shows in memory together. */
  #bytes = 0;
  #count = 0;
  /** What went although it had time left. */
  #pushedBytes = 0;
  #pushedCount = 0;

  /** @param first nothing is known of before: what it shows is no news */
  constructor(askedAt: number, at: number, busy: (model: string) => boolean, first: boolean) {
    this.#askedAt = askedAt;
    this.#at = at;
    this.#busy = busy;
    this.#first = first;
  }

  /** Not one that we had loaded or knew. */
  foreign(resident: Resident): void {
    if (this.#first) return;
    this.#appeared.push(resident.model);
    this.#loads = true;
  }

  /** The list has it. True: what the list says of it may be believed, `update` is next. */
  listed(resident: Resident, seen: SeenModel): boolean {
    if (this.#listed.has(resident)) return false;
    this.#listed.add(resident);
    this.#bytes += occupiedBy(seen);
    this.#count++;
    this.#settle(resident);
    const { pushedBy } = resident;
    // While the other one still loads, this one may be finishing its last request before it goes.
    if (pushedBy !== undefined && (pushedBy.loading || pushedBy.changedAt > this.#askedAt)) return false;
    resident.pushedBy = undefined;
    return !(resident.loading && resident.replaces) && resident.changedAt <= this.#askedAt;
  }

  /** Takes over what the list says. True: its context is the server's default for the model. */
  update(resident: Resident, seen: SeenModel): boolean {
    const isDefault = this.#compare(resident, seen);
    resident.loading = false;
    resident.digest = seen.digest;
    resident.sizeBytes = seen.sizeBytes;
    resident.vramBytes = seen.vramBytes;
    resident.contextLength = seen.contextLength ?? resident.contextLength;
    if (resident.endedAt <= this.#askedAt) {
      this.#learnKeepAlive(resident, seen.expiresInMs);
      this.#noteUse(resident, seen.expiresInMs);
      // Past its time and still there: somebody's request runs, at the end of which it is given its time again.
      resident.expiresAt = this.#at + (seen.expiresInMs > 0 ? seen.expiresInMs : resident.keepAliveMs);
    }
    return isDefault;
  }

  /** Nothing of ours has run on it since a look before this one, and yet it stays longer than that look said. */
  #noteUse(resident: Resident, leftMs: number): void {
    const until = this.#at + leftMs;
    const known = resident.toldExpiry;
    const moved = until > known + ROUNDING_MS;
    const overdue = leftMs < -ROUNDING_MS && !Number.isNaN(known);
    if (resident.running > 0) {
      resident.toldExpiry = Number.NaN;
      return;
    }
    if (moved || overdue) {
      this.#used.push(resident.model);
      // Whoever it answered has loaded it anew, if that was needed.
      resident.dead = false;
    }
    resident.toldExpiry = until;
  }

  /** What is left of its time, and what has gone by since our last request ended, is what that request gave it. */
  #learnKeepAlive(resident: Resident, leftMs: number): void {
    if (leftMs > resident.keepAliveMs) resident.keepAliveMs = leftMs;
    const given = leftMs + (this.#askedAt - resident.endedAt);
    if (leftMs > 0 && given < resident.keepAliveMs - ROUNDING_MS) resident.keepAliveMs = given;
  }

  /** Whether a model is to be believed in memory after this look. */
  keeps(resident: Resident): boolean {
    if (this.#listed.has(resident)) return true;
    this.#settle(resident);
    const { running, pushedBy } = resident;
    if (pushedBy === undefined && resident.changedAt > this.#askedAt) return true;
    if (running > 0) {
      // Our requests are there and the model is not: it went before they came, and is loaded for them now; or it is on
      // its way in still, with somebody behind it who will push it out.
      if (pushedBy === undefined && !resident.loading) {
        this.#lost(resident);
        resident.loading = true;
        resident.fresh = true;
      }
      return true;
    }
    this.#lost(resident);
    resident.loading = false;
    if (resident.expiresAt > this.#at) {
      this.#pushedBytes += resident.occupied;
      this.#pushedCount++;
    }
    return false;
  }

  /** Tells what was seen to fit together, and what not. @param kept after this look */
  teach(capacity: LearnedCapacity, kept: readonly Resident[]): void {
    if (this.#count > 0) capacity.fitted(this.#bytes, this.#count);
    if (this.#pushedCount === 0 || this.#first) return;
    let bytes = this.#bytes;
    let count = this.#count;
    for (const resident of kept) {
      if (!resident.loading || this.#listed.has(resident)) continue;
      bytes += resident.occupied;
      count++;
      this.#loads = true;
    }
    if (this.#loads) capacity.burst(bytes + this.#pushedBytes, count + this.#pushedCount, bytes, count);
  }

  changes(): ResidencyChanges {
    if (this.#gone.length === 0 && this.#appeared.length === 0 && this.#used.length === 0) return NO_CHANGES;
    return { gone: this.#gone, appeared: this.#appeared, used: this.#used.length === 0 ? undefined : this.#used };
  }

  /** Whoever counts our requests knows best: where it has none, there is none whose end we missed. */
  #settle(resident: Resident): void {
    if (this.#busy(resident.model) || this.#busy(resident.sentAs)) return;
    resident.running = 0;
    resident.replaces = false;
  }

  #compare(resident: Resident, { contextLength }: SeenModel): boolean {
    const { fresh, doubt } = resident;
    const isDefault =
      contextLength !== undefined && resident.shape !== undefined && resident.shape.numCtx === undefined;
    resident.fresh = false;
    if (fresh) {
      this.#loads = true;
      // Sent on a guess before the first look: this may be the runner before that request or the one after it.
      return isDefault && !doubt;
    }
    if (contextLength !== undefined && contextLength !== resident.contextLength) {
      this.#loads = true;
      this.#lost(resident);
      resident.doubt = false;
      if (doubt) return isDefault;
      this.#appeared.push(resident.model);
      resident.shape = undefined;
      return false;
    }
    if (!doubt || !resident.answered) return false;
    resident.doubt = false;
    return isDefault;
  }

  #lost({ model, sentAs }: Resident): void {
    this.#gone.push(model);
    if (sentAs !== model) this.#gone.push(sentAs);
  }
}
