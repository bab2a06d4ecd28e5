import type { Backend } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import type { Clock } from '../core/clock.ts';
import { NO_DEMAND, type RunnerShape } from '../core/demand.ts';
import type { Facts } from '../facts/facts.ts';
import { NOTHING_EXPECTED } from '../facts/work.ts';
import type { ActOutcome } from '../placement/loop.ts';
import { unsafe } from '../placement/safety.ts';
import type { PlacementAction } from '../placement/view.ts';
import { residentOn } from '../placement/worth.ts';
import { hostView } from './placement-view.ts';

/** Hanging up aborts a load, and a server that is stuck is to be left in peace: longer than any load takes. */
const LOAD_TIMEOUT_MS = 900_000;
/** For the others the server has nothing to do but to note a time. */
const NOTE_TIMEOUT_MS = 30_000;

/** One request without a prompt, as it goes to a server. */
export interface KeepAliveOrder {
  readonly backend: Backend;
  /** The name under which the server lists the model. */
  readonly model: string;
  readonly embedding: boolean;
  readonly shape: RunnerShape;
  /** 0 = unload, Infinity = for good; undefined = the server's default. */
  readonly keepAliveMs: number | undefined;
  readonly timeoutMs: number;
}

export interface PlacerParts {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly clock: Clock;
  /** Sends it; resolves when the server has answered, never rejects. */
  readonly send: (order: KeepAliveOrder) => Promise<{ readonly ok: boolean; readonly message: string }>;
  /** What the server has in memory has changed: look at it soon. */
  readonly look: (backend: string) => void;
}

const skipped = (message: string): ActOutcome => ({ ok: false, skipped: true, message });

/**
 * Carries out what placement decides. Each action holds a lease, so that requests which are routed meanwhile count it
 * in; it leaves no trace in what results teach about answers, and its failure bars no client from a server.
 */
export const placer =
  (parts: PlacerParts) =>
  async (action: PlacementAction): Promise<ActOutcome> => {
    const { registry, facts, clock } = parts;
    const { kind, host: id, model } = action;
    const backend = registry.get(id);
    const runner = backend?.runners.get(model);
    const installed = backend?.installed.get(model);
    if (backend === undefined || runner?.facts === undefined || installed === undefined) {
      return skipped(`${id} does not have ${model} any more`);
    }
    const sentAt = clock.now();
    const host = hostView(backend, facts.host(id), sentAt);
    const obstacle = unsafe(host);
    if (obstacle !== undefined) return skipped(obstacle);
    const resident = residentOn(host, model);
    if (kind === 'load' && resident !== undefined) return skipped('it is in memory already');
    // Sent now, it would load what has gone, or hold up what has begun.
    if (kind !== 'load' && resident === undefined) return skipped('it has left memory');
    if (kind !== 'load' && (resident?.running ?? 0) > 0) return skipped('requests run on it again');
    const lease = registry.tryAcquire(runner, {
      demand: { ...NO_DEMAND, kind: 'load', shape: action.shape },
      streams: false,
      expected: { ...NOTHING_EXPECTED, loadMs: action.loadMs },
      room: true,
    });
    if (lease === undefined) return skipped('it cannot take requests now');
    const { ok, message } = await parts.send({
      backend,
      model: installed.name,
      embedding: action.embedding,
      shape: lease.numCtx === undefined ? action.shape : { ...action.shape, numCtx: lease.numCtx },
      keepAliveMs: action.keepAliveMs,
      timeoutMs: kind === 'load' ? LOAD_TIMEOUT_MS : NOTE_TIMEOUT_MS,
    });
    const totalMs = clock.now() - sentAt;
    if (ok) {
      lease.began();
      lease.end({ kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined });
      if (action.keepAliveMs !== undefined) facts.kept(runner.facts, action.keepAliveMs, clock.now());
    } else {
      const why = { phase: 'head', blame: 'none', reason: 'bad-answer' } as const;
      lease.end({ kind: 'backend-failed', ...why, message, totalMs });
    }
    parts.look(id);
    return { ok, message };
  };
