import type { ClientRequest, IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchUpload } from '../../../src/forward/upload-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const scene = () => {
  const socket = { bytesRead: 0 };
  const req = { socket, complete: false, destroyed: false };
  const upstream = { writableNeedDrain: false };
  const silent = vi.fn();
  const stop = watchUpload(
    req as unknown as IncomingMessage,
    1_000,
    () => upstream as unknown as ClientRequest,
    silent,
  );
  return { socket, req, upstream, silent, stop };
};

describe('the watch over an upload', () => {
  it('tells once of a client that has sent nothing for as long as it may', () => {
    const { silent } = scene();
    vi.advanceTimersByTime(999);
    expect(silent).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  it('lets a client be that sends a byte now and then', () => {
    const { socket, silent } = scene();
    for (let i = 0; i < 20; i++) {
      socket.bytesRead++;
      vi.advanceTimersByTime(800);
    }
    expect(silent).not.toHaveBeenCalled();
  });

  it('does not count while it is the backend that takes nothing', () => {
    const { upstream, silent } = scene();
    upstream.writableNeedDrain = true;
    vi.advanceTimersByTime(60_000);
    expect(silent).not.toHaveBeenCalled();
    upstream.writableNeedDrain = false;
    vi.advanceTimersByTime(1_000);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  it('ends with the body, and when it is told to', () => {
    const whole = scene();
    whole.req.complete = true;
    const stopped = scene();
    stopped.stop();
    vi.advanceTimersByTime(10_000);
    expect(whole.silent).not.toHaveBeenCalled();
    expect(stopped.silent).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
