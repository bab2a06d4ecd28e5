import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TaskRouter } from '../../../src/index.ts';
import { headLine, lastLine, readDocument, UnusableStateError } from '../../../src/state/document.ts';

const AT = Date.UTC(2026, 2, 4, 5, 6, 7);

/** A whole text of these lines, sealed as it ought to be. */
const textOf = (lines: readonly string[], head = headLine(AT)): Buffer => {
  const before = head + lines.map((line) => `${line}\n`).join('');
  return Buffer.from(before + lastLine(createHash('sha256').update(before).digest('hex')));
};

describe('the text of saved state', () => {
  it('gives back the records and when they were saved', () => {
    const records = [
      { kind: 'a', n: 1 },
      { kind: 'b', text: 'ü\n' },
    ] as const;
    const read = readDocument(textOf(records.map((record) => JSON.stringify(record))));
    expect(read).toEqual({ version: 1, savedAt: AT, records });
  });

  it('is refused when a single byte of it is another one', () => {
    const whole = textOf(['{"kind":"a","n":1}', '{"kind":"b","n":2}']);
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(() => readDocument(changed), `byte ${i}`).toThrow(UnusableStateError);
    }
  });

  it('is refused wherever it is cut', () => {
    const whole = textOf(['{"kind":"a","n":1}', '{"kind":"b","n":2}']);
    for (let length = 0; length < whole.length; length++) {
      expect(() => readDocument(whole.subarray(0, length)), `${length} bytes`).toThrow(UnusableStateError);
    }
  });

  it.each([
    ['of a later version', textOf([], headLine(AT).replace('"version":1', '"version":2')), 'reads up to 1'],
    ['without a version', textOf([], headLine(AT).replace('"version":1', '"version":"1"')), 'names no version'],
    ['with a line that is no record', textOf(['{"kind":1}']), 'is no record'],
    ['of something else', Buffer.from('{"hello":"world"}'), 'no state of this product'],
    ['that is empty', Buffer.from(''), 'empty'],
  ])('is refused when it is one %s', (_, text, message) => {
    expect(() => readDocument(text)).toThrow(message);
  });
});

describe('version 0', () => {
  it('is a snapshot of the library, whose models become models on backends', () => {
    const router = new TaskRouter<object>({ strategy: 'round-robin', circuitBreaker: { failureThreshold: 1 } });
    for (const id of ['gpu-1/llama3.2:3b', 'gpu-2/hf.co/x/y:q4', 'no-backend']) router.registerModel(id, {});
    for (let i = 0; i < 3; i++) router.recordTaskResult(router.routeTask('fix this bug'), i !== 1, 100, 'debugging');

    const { version, savedAt, records } = readDocument(Buffer.from(JSON.stringify(router.snapshot())));

    expect({ version, savedAt }).toEqual({ version: 0, savedAt: undefined });
    expect(records).toEqual([
      {
        kind: 'runner',
        backend: 'gpu-1',
        model: 'llama3.2:3b',
        breaker: { state: 'closed', failures: 0 },
        metrics: expect.objectContaining({ successfulTasks: 1, failedTasks: 0, latestMs: [100] }),
        learned: expect.objectContaining({ id: 'gpu-1/llama3.2:3b', successes: 1, latencyMs: 100 }),
      },
      {
        kind: 'runner',
        backend: 'gpu-2',
        model: 'hf.co/x/y:q4',
        breaker: expect.objectContaining({ state: 'open' }),
        metrics: expect.objectContaining({ successfulTasks: 0, failedTasks: 1 }),
        learned: expect.objectContaining({ id: 'gpu-2/hf.co/x/y:q4', failures: 1 }),
      },
    ]);
  });
});
