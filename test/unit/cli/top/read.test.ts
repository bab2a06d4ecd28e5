import { describe, expect, it } from 'vitest';
import { EventReader } from '../../../../src/cli/top/events.ts';
import { afterEvent, isSnapshot, readSnapshot } from '../../../../src/cli/top/read.ts';
import { stateWith } from './samples.ts';

const up = { name: 'a', enabled: true, draining: false, health: 'up', breaker: 'closed', inflight: 2, ills: [] };
const model = { name: 'm', loaded: true, running: 2, slots: 4, breaker: 'closed', sizeBytes: 10, vramBytes: 10 };
const snapshotOf = (server: object) => readSnapshot({ servers: [server], status: {} });

describe('what the proxy tells', () => {
  it('is read with its servers, rates, queue and decisions', () => {
    const snapshot = {
      servers: [{ ...up, models: [model, { ...model, name: 'disk', loaded: false, running: 0 }] }],
      status: { ready: true, reason: '1 backend up', strategy: 'affinity', version: '1.0.0' },
      queue: { waiting: { interactive: 1, normal: 0, batch: 7 } },
      rates: { requestsPerSecond: 1.5, firstTokenP50Ms: null },
      decisions: [
        { id: 'r', time: '2026-01-01T00:00:00.000Z', model: 'm', outcome: 'served', attempts: 1, seenMs: 12 },
      ],
      series: { tokensOutPerSecond: [1, null, 3] },
    };
    if (!isSnapshot(snapshot)) throw new Error('no snapshot');
    const state = readSnapshot(snapshot);
    expect(state).toMatchObject({ ready: true, strategy: 'affinity', version: '1.0.0', tokensOut: [1, 0, 3] });
    expect(state.servers).toEqual([
      {
        name: 'a',
        level: 'ok',
        word: 'up',
        why: '',
        running: 2,
        loaded: [{ name: 'm', running: 2, slots: 4, sizeBytes: 10, vramBytes: 10 }],
      },
    ]);
    expect(state.waiting).toEqual({ interactive: 1, normal: 0, batch: 7 });
    expect(state.rates).toMatchObject({ requestsPerSecond: 1.5, firstTokenP50Ms: undefined });
    expect(state.decisions[0]).toMatchObject({ at: Date.UTC(2026, 0, 1), problem: '', seenMs: 12, category: '' });
  });

  it('names the state of a server by what matters most', () => {
    const stateOf = (rest: object) => {
      const [server] = snapshotOf({ ...up, ...rest }).servers;
      return `${server?.word}: ${server?.why}`;
    };
    expect(stateOf({ enabled: false, health: 'down' })).toBe('off: switched off by hand');
    expect(stateOf({ health: 'down', lastError: 'refused' })).toBe('down: refused');
    expect(stateOf({ health: 'down' })).toBe('down: no answer');
    expect(stateOf({ breaker: 'open' })).toBe('breaker open: too many failures');
    expect(stateOf({ draining: true })).toBe('draining: no new requests');
    expect(stateOf({ breaker: 'half-open' })).toBe('on trial: a few requests at a time');
    expect(stateOf({ health: 'unknown' })).toBe('checking: not looked at yet');
    expect(stateOf({ models: [{ ...model, breaker: 'open' }] })).toBe('partly up: m breaker open');
    expect(stateOf({ ills: [{ kind: 'gpu-lost' }, { kind: 'spill', model: 'm' }, { kind: 'new-ill' }] })).toBe(
      'ailing: runs as slowly as without a GPU, m does not fit into video memory, new ill',
    );
  });

  it('is read whatever is missing in it', () => {
    for (const data of [undefined, null, 3, [], {}, { servers: [1, {}], rows: [{}], changed: [{}], gone: 1 }]) {
      for (const event of ['servers', 'status', 'queue', 'rates', 'decisions', 'point', 'reload']) {
        expect(() => afterEvent(stateWith(1), event, data)).not.toThrow();
      }
    }
    expect(isSnapshot({ servers: [] })).toBe(false);
    expect(isSnapshot([])).toBe(false);
  });

  it('changes by events: servers keep their place, new ones come last, gone ones go', () => {
    const names = (event: object) =>
      afterEvent(stateWith(3), 'servers', event).servers.map(({ name, word }) => `${name} ${word}`);
    expect(
      names({
        changed: [
          { ...up, name: 'gpu-1', health: 'down' },
          { ...up, name: 'new' },
        ],
        gone: ['gpu-0'],
      }),
    ).toEqual(['gpu-1 down', 'gpu-2 down', 'new up']);
  });

  it('keeps the newest forty decisions and ten minutes of steps', () => {
    let state = stateWith(1);
    for (let i = 0; i < 100; i += 1) {
      state = afterEvent(state, 'decisions', { rows: [{ id: `n${i}`, outcome: 'served' }] });
      state = afterEvent(state, 'point', { tokensOutPerSecond: i });
    }
    expect(state.decisions).toHaveLength(40);
    expect(state.decisions[0]?.id).toBe('n99');
    expect([state.tokensOut.length, state.tokensOut.at(-1)]).toEqual([60, 99]);
  });

  it('takes the error of the request for its problem', () => {
    const rows = [
      { outcome: 'refused', error: 'queue_full', status: 503 },
      { outcome: 'client-left', error: null, status: 499 },
    ];
    const state = afterEvent(stateWith(0), 'decisions', { rows });
    expect(state.decisions.slice(0, 2).map(({ problem }) => problem)).toEqual(['queue_full', '']);
  });
});

describe('server-sent events', () => {
  const stream = ': hello\n\nretry: 2000\n\nevent: a\ndata: {"x":1}\n\ndata: 1\ndata: 2\n\nevent: b\ndata:3\n\n';
  const events = [
    { event: 'a', data: '{"x":1}' },
    { event: 'message', data: '1\n2' },
    { event: 'b', data: '3' },
  ];

  it('are the same however they are cut', () => {
    for (let size = 1; size <= stream.length; size += 1) {
      const reader = new EventReader();
      const seen = [];
      for (let from = 0; from < stream.length; from += size) seen.push(...reader.read(stream.slice(from, from + size)));
      expect(seen, `pieces of ${size}`).toEqual(events);
    }
  });
});
