import { expect, it } from 'vitest';
import { inProcess } from '../../bench/chaos/front.ts';
import { socketChaos } from '../../bench/chaos/sockets.ts';

const SEED = 5;

it('answers every client by its own answer, whole or visibly not, whatever happens to the servers, and is at rest after it', async () => {
  const { ends, mishaps, wrong } = await socketChaos({
    seed: SEED,
    durationMs: 3_000,
    servers: 4,
    calmMs: 150,
    gapMs: 25,
    mostOpen: 60,
    front: inProcess(SEED),
    note: () => {},
  });
  expect(wrong).toEqual([]);
  expect(ends.get('served') ?? 0).toBeGreaterThan(0);
  expect(mishaps.size).toBeGreaterThan(3);
});
