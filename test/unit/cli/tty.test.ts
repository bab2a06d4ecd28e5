import { EventEmitter } from 'node:events';
import type { ReadStream, WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { liveTerminal } from '../../../src/cli/tty.ts';

const streams = (isTTY = true) => {
  const modes: boolean[] = [];
  const input = Object.assign(new EventEmitter(), {
    isTTY,
    setRawMode: (raw: boolean) => void modes.push(raw),
    setEncoding: () => undefined,
    resume: () => undefined,
    pause: () => undefined,
  });
  const output = Object.assign(new EventEmitter(), { columns: 100, rows: 30, write: () => true });
  const terminal = liveTerminal(input as unknown as ReadStream, output as unknown as WriteStream, true);
  const keys: string[] = [];
  const seen: string[] = [];
  const listen = () =>
    terminal.listen({
      key: (each) => keys.push(each),
      resize: () => seen.push('resize'),
      gone: () => seen.push('gone'),
    });
  return { modes, input, output, terminal, keys, seen, listen };
};

describe('the terminal', () => {
  it('tells keys apart that come at once, those of several bytes included', () => {
    const { input, keys, listen } = streams();
    listen();
    input.emit('data', 'q\u001B[Aj\u001B[6~\u001BOB\u0003');
    expect(keys).toEqual(['q', '\u001B[A', 'j', '\u001B[6~', '\u001BOB', '\u0003']);
  });

  it('takes the keyboard, and gives it back', () => {
    const { modes, input, output, terminal, keys, seen, listen } = streams();
    listen();
    output.emit('resize');
    input.emit('end');
    terminal.release();
    input.emit('data', 'q');
    output.emit('resize');
    expect([modes, keys, seen]).toEqual([[true, false], [], ['resize', 'gone']]);
  });

  it('does without a keyboard where the input is none', () => {
    const { modes, input, terminal, keys, listen } = streams(false);
    listen();
    input.emit('data', 'q');
    terminal.release();
    expect([modes, keys]).toEqual([[], []]);
  });

  it('has the usual size where it does not know its own', () => {
    const { output, terminal } = streams();
    Object.assign(output, { columns: 0, rows: undefined });
    expect(terminal.size()).toEqual({ columns: 80, rows: 24 });
  });
});
