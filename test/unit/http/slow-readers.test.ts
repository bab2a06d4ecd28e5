import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { LOOKS, SlowReaders } from '../../../src/http/slow-readers.ts';

const FULL = 1_000;

/** As much of a response as is looked at. */
class FakeResponse extends EventEmitter {
  socket: { _handle: { writeQueueSize: number } } | null = { _handle: { writeQueueSize: 0 } };
  writableLength = 0;
  writableEnded = false;
  readonly destroy = vi.fn(() => void this.emit('close'));
  unsent(bytes: number): void {
    if (this.socket !== null) this.socket._handle.writeQueueSize = bytes;
  }
}

const scene = () => {
  const readers = new SlowReaders();
  const res = new FakeResponse();
  const givenUp = vi.fn();
  readers.watch(res as unknown as ServerResponse, FULL, givenUp);
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) readers.look();
  };
  return { readers, res, givenUp, look };
};

describe('a client that does not read', () => {
  it('is given up when its buffer has been full for as many looks as it may, and not before', () => {
    const { readers, res, givenUp, look } = scene();
    res.writableLength = FULL;
    res.unsent(700);
    // The first one only sees how things are.
    look(LOOKS);
    expect(res.destroy).not.toHaveBeenCalled();
    look(1);
    expect(res.destroy).toHaveBeenCalledTimes(1);
    expect(givenUp).toHaveBeenCalledWith(FULL);
    expect(readers.size).toBe(0);
  });

  it('is given up although more and more waits for it', () => {
    const { res, look } = scene();
    res.unsent(700);
    for (let i = 0; i <= LOOKS; i++) {
      res.writableLength = FULL + i;
      look(1);
    }
    expect(res.destroy).toHaveBeenCalledTimes(1);
  });

  it('is given up with less than a full buffer once the answer is complete', () => {
    const { res, look } = scene();
    res.writableLength = 1;
    look(10 * LOOKS);
    expect(res.destroy).not.toHaveBeenCalled();
    res.writableEnded = true;
    look(LOOKS + 1);
    expect(res.destroy).toHaveBeenCalledTimes(1);
  });

  it('stays full until all of it is gone, as its backend stays paused', () => {
    const { res, look } = scene();
    res.writableLength = FULL;
    look(1);
    res.writableLength = 1;
    look(LOOKS + 1);
    expect(res.destroy).toHaveBeenCalledTimes(1);
  });
});

describe('a client that is only slow', () => {
  it.each([
    ['the kernel takes a byte of the write under way', (res: FakeResponse, i: number) => res.unsent(700 - i)],
    ['a write has ended', (res: FakeResponse, i: number) => void (res.writableLength = 100 * FULL - i)],
  ])('is kept while %s between two looks of three', (_what, move) => {
    const { res, look } = scene();
    res.writableLength = 100 * FULL;
    res.unsent(700);
    for (let i = 0; i < 50; i++) {
      move(res, i);
      look(LOOKS - 1);
    }
    expect(res.destroy).not.toHaveBeenCalled();
  });

  it('is kept however long a model thinks', () => {
    const { res, look } = scene();
    look(1_000);
    expect(res.destroy).not.toHaveBeenCalled();
  });

  it('is kept while the answer ahead of its own is under way', () => {
    const { res, look } = scene();
    res.writableLength = FULL;
    res.writableEnded = true;
    res.socket = null;
    look(1_000);
    expect(res.destroy).not.toHaveBeenCalled();
  });

  it('is forgotten when its answer is out', () => {
    const { readers, res } = scene();
    res.emit('close');
    expect(readers.size).toBe(0);
  });
});
