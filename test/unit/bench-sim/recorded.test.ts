import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { boundsOf } from '../../../bench/sim/bounds.ts';
import { runCell } from '../../../bench/sim/cell.ts';
import { simulate } from '../../../bench/sim/driver.ts';
import { buildFleet } from '../../../bench/sim/fleets.ts';
import { workloadOfTrace, type Recording } from '../../../bench/sim/recorded.ts';
import { turnOf, type SimTurn } from '../../../bench/sim/workload.ts';
import { NO_DEMAND, type PrefixMark } from '../../../src/core/demand.ts';
import { TraceWriter, type TraceRequest } from '../../../src/results/trace.ts';
import { fleetOf, model, Recorder, serverOf } from './helpers.ts';

const recording = (change: Partial<Recording> = {}): Recording => ({
  path: 'trace.jsonl',
  speed: 1,
  modelBytes: {},
  contextTokens: undefined,
  ...change,
});

const observed: TraceRequest['observed'] = {
  promptTokens: 200,
  outputTokens: 30,
  queueMs: 0,
  firstByteMs: 90,
  totalMs: 400,
  backend: 'gpu-1',
  outcome: 'served',
};

const marksTo = (...bytes: readonly number[]): readonly PrefixMark[] =>
  bytes.map((end, index) => ({ hash: index + 1, bytes: end }));

const asked = (change: Partial<TraceRequest> = {}): TraceRequest => ({
  ...NO_DEMAND,
  atMs: 1000,
  model: 'model:8b',
  endpoint: 'chat',
  promptBytes: 800,
  marks: marksTo(400, 800),
  app: 'a',
  category: 'coding',
  priority: 'normal',
  tenant: 'alice',
  session: 's',
  observed,
  ...change,
});

const turnsOf = (requests: readonly TraceRequest[], change: Partial<Recording> = {}): readonly SimTurn[] =>
  workloadOfTrace(requests, recording(change)).workload.sessions.flatMap(
    (session) => turnOf(session, 0, session.at) ?? [],
  );

describe('a recorded request', () => {
  it('has a piece of prompt per mark and as many tokens as the server counted', () => {
    const [turn] = turnsOf([asked({ marks: marksTo(100, 500), observed: { ...observed, promptTokens: 199 } })]);
    const pieces = turn?.segments.map(({ tokens }) => tokens) ?? [];
    expect(pieces).toHaveLength(3);
    expect(pieces.reduce((sum, tokens) => sum + tokens, 0)).toBe(199);
    expect(pieces[0]).toBe(25);
    expect(turn?.outputTokens).toBe(30);
  });

  it('is routed by exactly what was recorded', () => {
    const request = asked({ shape: { numCtx: 2048, rest: 'num_gpu=1' }, outputLimit: 9 });
    const [turn] = turnsOf([request]);
    const { kind, shape, promptBytes, outputLimit, marks, app } = request;
    expect(turn?.demand).toEqual({ kind, shape, promptBytes, outputLimit, marks, app });
    expect(turn).toMatchObject({ session: 's', tenant: 'alice', category: 'coding', model: 'model:8b' });
  });

  it('counts by what is usual for its model where nothing was observed', () => {
    const nothing = { ...observed, promptTokens: undefined, outputTokens: undefined, outcome: 'refused' } as const;
    const [, refused] = turnsOf([asked(), asked({ atMs: 2000, marks: [], observed: nothing })]);
    expect(refused?.segments.map(({ tokens }) => tokens)).toEqual([200]);
    expect(refused?.outputTokens).toBe(30);
  });

  it('comes at its time, or at as many times the speed', () => {
    const requests = [asked({ atMs: 5000 }), asked({ atMs: 9000 })];
    expect(turnsOf(requests).map(({ at }) => at)).toEqual([0, 4000]);
    expect(turnsOf(requests, { speed: 4 }).map(({ at }) => at)).toEqual([0, 1000]);
  });

  it('leaves after as long as its client did, and not at all if it was the client who was wrong', () => {
    const left = asked({ observed: { ...observed, outcome: 'client-left', totalMs: 777 } });
    const wrong = asked({ observed: { ...observed, outcome: 'client-error' } });
    expect(turnsOf([left])[0]?.patienceMs).toBe(777);
    expect(workloadOfTrace([left, wrong], recording())).toMatchObject({ leftOut: 1, workload: { size: 1 } });
    expect(() => workloadOfTrace([wrong], recording())).toThrow('no request');
  });

  it('has a model as big as its name says or the description of the pool', () => {
    const { workload } = workloadOfTrace([asked()], recording({ modelBytes: { 'Model:8b': 7e9 } }));
    expect(workload.models.map(({ size }) => size)).toEqual([7e9]);
    expect(workloadOfTrace([asked()], recording()).workload.models[0]?.size).toBeCloseTo(4.8e9, -8);
  });
});

describe('a replay', () => {
  const first = asked();
  const second = asked({
    atMs: 60_000,
    promptBytes: 1400,
    marks: marksTo(400, 800, 1000, 1400),
    observed: { ...observed, promptTokens: 350 },
  });

  it('remembers the prompt and the answer of a conversation that goes on', () => {
    const { workload } = workloadOfTrace([first, second], recording());
    const fleet = fleetOf(serverOf('s1', { models: workload.models }));
    const { records } = simulate({ workload, fleet, policy: () => new Recorder(), seed: 1 });
    // 200 tokens of prompt and the 50 of the piece that followed it.
    expect(records.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 250]);
    expect(boundsOf(workload, fleet).idealCachedShare).toBeCloseTo(250 / 550);
  });

  it('begins an embedding when it is there', () => {
    const embedding = asked({
      kind: 'embedding',
      endpoint: 'embed',
      observed: { ...observed, outputTokens: undefined },
    });
    const { workload } = workloadOfTrace([embedding], recording());
    const fleet = fleetOf(serverOf('s1', { models: workload.models }));
    const [record] = simulate({ workload, fleet, policy: () => new Recorder(), seed: 1 }).records;
    expect(record).toMatchObject({ end: 'served', outputTokens: 0 });
    expect(record?.firstTokenAt).toBe(record?.endedAt);
  });
});

describe('a recording on disk', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  const pathOf = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), 'replay-'));
    folders.push(folder);
    const path = join(folder, 'trace.jsonl');
    writeFileSync(path, text);
    return path;
  };
  const cellOf = (path: string, policy: string) => ({
    preset: path,
    variants: [],
    fleet: 'pair',
    rate: undefined,
    slots: undefined,
    reuse: undefined,
    faults: 'none',
    requests: 40,
    retry: false,
    tellSlots: true,
    recording: recording({ path }),
    policy,
    seed: 1,
  });

  it('is replayed through policies as the proxy wrote it', async () => {
    let text = '';
    const writer = new TraceWriter({
      key: new Uint8Array(32).fill(7),
      maxBytes: 1e6,
      sink: async (lines) => {
        text += lines;
      },
    });
    for (let index = 0; index < 40; index += 1) {
      const marks = [
        { hash: 1, bytes: 4000 },
        { hash: 100 + index, bytes: 4400 },
      ];
      writer.add(
        asked({ atMs: 2000 * index, promptBytes: 4400, marks, observed: { ...observed, promptTokens: 1100 } }),
      );
    }
    await writer.flush();
    const path = pathOf(text);
    const ours = runCell(cellOf(path, 'ours')).metrics;
    const turns = runCell(cellOf(path, 'round-robin')).metrics;
    expect(ours.requests).toBe(36);
    expect(ours.errors).toBe(0);
    // The system prompt is 1000 of 1100 tokens, and one of two servers is five times faster.
    expect(ours.cachedShare).toBeGreaterThan(0.8);
    expect(ours.ttftMeanMs).toBeLessThan(turns.ttftMeanMs);
  });

  it('is refused with every line that is wrong', () => {
    expect(() => runCell(cellOf(pathOf('{"v":1}\nnothing\n'), 'ours'))).toThrow(/line 1: model[^]*line 2:/);
  });
});

describe('a pool for a replay', () => {
  it('has every model of the recording where it fits', () => {
    const { workload } = workloadOfTrace([asked()], recording());
    const { servers } = buildFleet('five', workload);
    expect(servers.every(({ models }) => models[0]?.name === model.name)).toBe(true);
  });
});
