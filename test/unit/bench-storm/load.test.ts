import { afterEach, describe, expect, it } from 'vitest';
import { replay } from '../../../bench/storm/load.ts';
import { SERVER_LENGTH } from '../../../bench/storm/text.ts';
import { startSim, type SimServer } from '../../../src/sim/http/server.ts';
import { installModel } from '../../../src/sim/model/models.ts';
import { plan, sessionOf, workloadOf } from '../bench-sim/helpers.ts';

const model = installModel('model-1:8b', 0);
const servers: SimServer[] = [];

const serve = async (): Promise<SimServer> => {
  const server = await startSim({
    models: [model.name],
    reuse: 'many',
    version: '0.33.0',
    timeScale: 0.001,
    outputTokens: SERVER_LENGTH,
  });
  servers.push(server);
  return server;
};

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const short = plan({ messageTokens: 60, outputTokens: 20, thinkMs: 0 });

describe('a replay', () => {
  it('gets every answer in its planned length, and finds the history remembered', async () => {
    const server = await serve();
    const sessions = [sessionOf('1', 0, { model, systemTokens: 100, turns: [short, short, short] })];
    const records = await replay({
      origin: server.url,
      workload: workloadOf(sessions, { models: [model] }),
      limitMs: 60_000,
      counting: () => Promise.resolve(),
    });
    expect(records.map(({ id, failure }) => `${id}${failure}`)).toEqual(['1.0', '1.1', '1.2']);
    const { counters } = server.state();
    // 4 more for each answer that stands in a history, as the template frames it as a message.
    expect(counters.promptTokens).toBe(160 + (160 + 24 + 60) + (160 + 2 * (24 + 60)));
    expect(counters.cachedTokens).toBe(160 + 24 + (160 + 24 + 60 + 24));
    expect(counters.outputTokens).toBe(60);
  });

  it('says before which request the counting begins, and marks the ones after it', async () => {
    const server = await serve();
    const sessions = Array.from({ length: 20 }, (_, index) => sessionOf(`${index}`, index, { model, turns: [short] }));
    let before = Number.NaN;
    const records = await replay({
      origin: server.url,
      workload: workloadOf(sessions, { models: [model] }),
      limitMs: 60_000,
      counting: () => {
        before = server.state().requests.total;
        return Promise.resolve();
      },
    });
    expect(before).toBeLessThanOrEqual(2);
    expect(records.filter(({ counted }) => counted)).toHaveLength(18);
  });

  it('tells why a request failed, and asks the next question all the same', async () => {
    const server = await serve();
    server.faults.set({ kind: 'status', status: 500, message: 'no luck', count: 1 });
    const sessions = [sessionOf('1', 0, { model, turns: [short, short] })];
    const records = await replay({
      origin: server.url,
      workload: workloadOf(sessions, { models: [model] }),
      limitMs: 60_000,
      counting: () => Promise.resolve(),
    });
    expect(records.map(({ failure }) => failure)).toEqual([expect.stringContaining('status 500: '), '']);
  });

  it('gives up what is open when its time is over', async () => {
    const server = await serve();
    server.faults.set({ kind: 'hang' });
    const sessions = [sessionOf('1', 0, { model, turns: [short, short] })];
    const records = await replay({
      origin: server.url,
      workload: workloadOf(sessions, { models: [model] }),
      limitMs: 50,
      counting: () => Promise.resolve(),
    });
    expect(records.map(({ failure }) => failure)).toEqual(['given up: the replay took too long']);
  });
});
