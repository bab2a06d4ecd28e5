import { describe, expect, it, onTestFinished } from 'vitest';
import { busy, closedLoop, goodput, openLoop, type Ask } from '../../bench/overload/offer.ts';
import { startSim } from '../../src/sim/http/server.ts';
import { until } from '../support/faulty.ts';
import { heldBytes } from '../support/live-memory.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const SERVERS = 2;
const SLOTS = 2;
/** Some ten requests a second in all: whatever machine this runs on has time for ten times as many refusals. */
const PACE = { timeScale: 0.8, outputTokens: [50, 50] } as const;
const WAITING = 8;

const startOverloadable = async (): Promise<{ readonly proxy: TestProxy; readonly ask: Ask }> => {
  const sims = await Promise.all(
    Array.from({ length: SERVERS }, (_, i) => startSim({ models: [MODEL], slots: SLOTS, seed: i + 1, ...PACE })),
  );
  const proxy = await startProxy({
    backends: sims.map(({ url }, i) => ({ name: `s${i}`, url, slots: SLOTS })),
    config: `queue: { max_waiting: ${WAITING} }`,
  });
  onTestFinished(async () => {
    await proxy.stop();
    for (const sim of sims) await sim.close();
  });
  return { proxy, ask: { origin: proxy.url, model: MODEL } };
};

describe('with ten times as many requests as the pool can answer', () => {
  it('keeps every slot busy, and refuses the rest at once with a time to come back', async () => {
    const { proxy, ask } = await startOverloadable();
    // Every slot busy and somebody always waiting: what the pool gives at its best, its models loaded by the first go.
    await closedLoop(ask, SERVERS * SLOTS + 4, 1_000);
    const before = await closedLoop(ask, SERVERS * SLOTS + 4, 3_500);
    const peak = goodput(before);
    const held = heldBytes();

    const offered = await openLoop(ask, 10 * peak, 4_000);
    const served = offered.filter(({ status, whole }) => status === 200 && whole);
    const refused = offered.filter(({ status }) => status !== 200);
    expect(busy(offered, SERVERS * SLOTS)).toBeGreaterThan(0.9);
    // The share of its peak that is kept is measured by bench/overload, on a machine of its own; a collapse shows here.
    expect(goodput(offered)).toBeGreaterThan(0.5 * peak);
    expect(refused.length).toBeGreaterThan(5 * served.length);
    for (const { status, retryAfterS } of refused) {
      expect(status).toBe(503);
      expect(retryAfterS).toBeGreaterThanOrEqual(1);
      // What waits ahead is gone in a second or two; nobody is sent away for minutes.
      expect(retryAfterS).toBeLessThanOrEqual(10);
    }
    // A refusal takes no place in the line: many were sent away before the first of those let in had its answer.
    const firstServed = Math.min(...served.map(({ endedAt }) => endedAt));
    expect(refused.filter(({ endedAt }) => endedAt < firstServed).length).toBeGreaterThan(WAITING);
    // Those who were let in waited for no more than the line that is allowed.
    const longest = (1_000 * (WAITING + SERVERS * SLOTS)) / peak;
    expect(Math.max(...served.map(({ queueMs = 0 }) => queueMs))).toBeLessThan(5 * longest);

    await until(async () => {
      const { waiting } = (await proxy.admin('GET', 'queue')).body as { readonly waiting: Record<string, number> };
      return Object.values(waiting).every((count) => count === 0);
    });
    expect(heldBytes() - held).toBeLessThan(8 * 1024 * 1024);
    expect((await closedLoop(ask, 1, 1)).map(({ status }) => status)).toEqual([200]);
  });
});
