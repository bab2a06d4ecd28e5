import type { ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import { describe, expect, it, vi, beforeEach, afterEach } from 'vitest';
import { Feed, MOST_CLIENTS, type FeedSources } from '../../../../src/http/events/feed.ts';

/** An answer whose reader takes what it is sent only when told to. */
class SlowAnswer extends EventEmitter {
  readonly sent: string[] = [];
  writableLength = 0;
  destroyed = false;
  ended = false;
  /** Takes everything at once. */
  quick = true;

  get writableNeedDrain(): boolean {
    return this.writableLength > 16_384;
  }

  writeHead(): this {
    return this;
  }

  write(chunk: string | Buffer): boolean {
    this.sent.push(String(chunk));
    if (!this.quick) this.writableLength += chunk.length;
    return !this.writableNeedDrain;
  }

  /** The reader has caught up. */
  read(): void {
    this.writableLength = 0;
    this.emit('drain');
  }

  end(): void {
    this.ended = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  /** Kinds of the events that were sent, in their order. */
  get kinds(): readonly string[] {
    return this.sent.flatMap((text) => Array.from(text.matchAll(/^event: (\w+)$/gm), ([, kind]) => kind ?? ''));
  }

  last(kind: string): unknown {
    const found = this.sent
      .join('')
      .split('\n\n')
      .findLast((block) => block.startsWith(`event: ${kind}\n`));
    return JSON.parse(found?.split('data: ')[1] ?? 'null') as unknown;
  }
}

interface Scene {
  readonly feed: Feed;
  readonly servers: Map<string, object>;
  readonly looks: { count: number };
  status: object;
}

const scene = (now: () => number = () => 0): Scene => {
  const servers = new Map<string, object>([['a', { name: 'a', n: 1 }]]);
  const looks = { count: 0 };
  const made = { servers, looks, status: { ready: true } };
  const sources: FeedSources = {
    serverIds: () => {
      looks.count++;
      return [...servers.keys()];
    },
    server: (id) => servers.get(id),
    parts: { status: () => made.status },
    fresh: () => [],
    rows: () => '[]',
    keep: () => undefined,
    more: () => ({ at: '0' }),
  };
  return Object.assign(made, { feed: new Feed(sources, now) });
};

const attach = (feed: Feed): SlowAnswer => {
  const answer = new SlowAnswer();
  feed.attach(answer as unknown as ServerResponse);
  return answer;
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a feed', () => {
  it('sends a snapshot first, and then only what has changed', async () => {
    const { feed, servers } = scene();
    const answer = attach(feed);
    expect(answer.kinds).toEqual(['snapshot']);
    expect(answer.last('snapshot')).toEqual({
      servers: [{ name: 'a', n: 1 }],
      decisions: [],
      status: { ready: true },
      at: 0,
    });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(answer.kinds).toEqual(['snapshot']);
    servers.set('b', { name: 'b' });
    servers.delete('a');
    await vi.advanceTimersByTimeAsync(500);
    expect(answer.kinds).toEqual(['snapshot', 'servers']);
    expect(answer.last('servers')).toEqual({ changed: [{ name: 'b' }], gone: ['a'] });
  });

  it('sends each kind at most twice a second, however often it changes', async () => {
    const { feed, servers } = scene();
    const answer = attach(feed);
    for (let i = 0; i < 300; i++) {
      servers.set('a', { name: 'a', n: i });
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(answer.kinds.filter((kind) => kind === 'servers').length).toBeLessThanOrEqual(6);
    expect(answer.last('servers')).toMatchObject({ changed: [{ n: 299 }] });
  });

  it('does nothing while nobody reads', async () => {
    const { feed, looks } = scene();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(looks.count).toBe(0);
    const answer = attach(feed);
    answer.end();
    const before = looks.count;
    await vi.advanceTimersByTimeAsync(5_000);
    expect([looks.count, feed.watched]).toEqual([before, false]);
  });

  it('sends a reader that is too slow no more changes, and a new snapshot when it has caught up', async () => {
    const { feed, servers } = scene();
    const answer = attach(feed);
    const other = attach(feed);
    await vi.advanceTimersByTimeAsync(500);
    answer.quick = false;
    const large = 'x'.repeat(200_000);
    for (let i = 0; i < 10; i++) {
      servers.set('a', { name: 'a', n: i, large });
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(answer.kinds).toEqual(['snapshot', 'servers', 'servers']);
    expect(other.kinds.filter((kind) => kind === 'servers')).toHaveLength(10);
    answer.read();
    await vi.advanceTimersByTimeAsync(0);
    expect(answer.kinds).toEqual(['snapshot', 'servers', 'servers', 'snapshot']);
    expect(answer.last('snapshot')).toMatchObject({ servers: [{ n: 9 }] });
  });

  it('sends a comment every 15 seconds, and ends a reader that takes nothing for a minute', async () => {
    const { feed } = scene();
    const answer = attach(feed);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(answer.sent.at(-1)).toBe(': still here\n\n');
    answer.writableLength = 20_000;
    await vi.advanceTimersByTimeAsync(45_000);
    expect(answer.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(15_000);
    expect([answer.destroyed, feed.watched]).toEqual([true, false]);
  });

  it('has room for so many readers, and again when one has left', () => {
    const { feed } = scene();
    const answers = Array.from({ length: MOST_CLIENTS }, () => attach(feed));
    expect(feed.hasRoom).toBe(false);
    answers[0]?.end();
    expect(feed.hasRoom).toBe(true);
  });

  it('lets others work between slices of a millisecond', async () => {
    // Each look at the clock finds half a millisecond gone.
    let at = 0;
    const { feed, servers } = scene(() => (at += 0.5));
    for (let i = 0; i < 100; i++) servers.set(`s${i}`, { name: `s${i}` });
    const answer = attach(feed);
    expect(answer.kinds).toEqual([]);
    let turns = 0;
    while (answer.kinds.length === 0) {
      await vi.advanceTimersToNextTimerAsync();
      turns++;
    }
    expect(turns).toBeGreaterThan(20);
    expect(answer.last('snapshot')).toMatchObject({ servers: { length: 101 } });
  });

  it('gives a reader that comes in the middle of a look a snapshot of its own, without waiting for the next beat', async () => {
    let at = 0;
    const { feed, servers } = scene(() => (at += 0.5));
    for (let i = 0; i < 20; i++) servers.set(`s${i}`, { name: `s${i}` });
    attach(feed);
    const second = attach(feed);
    while (second.kinds.length === 0) await vi.advanceTimersToNextTimerAsync();
    expect(second.kinds).toEqual(['snapshot']);
  });
});
