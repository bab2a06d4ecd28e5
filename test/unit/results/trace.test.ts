import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { readTrace } from '../../../src/results/trace-read.ts';
import { TraceWriter, type TraceRequest } from '../../../src/results/trace.ts';

const requestOf = (some: Partial<TraceRequest> = {}): TraceRequest => ({
  ...NO_DEMAND,
  atMs: 12.5,
  model: 'llama3.1:8b',
  endpoint: 'chat',
  promptBytes: 900,
  marks: [
    { hash: 1, bytes: 512 },
    { hash: 2 ** 53 - 1, bytes: 900 },
  ],
  app: 'You are a pirate',
  category: 'coding',
  priority: 'normal',
  tenant: undefined,
  session: 'alice',
  observed: {
    promptTokens: 220,
    outputTokens: 30,
    queueMs: 0,
    firstByteMs: 81.26,
    totalMs: 400,
    backend: 'gpu-1',
    outcome: 'served',
  },
  ...some,
});

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

const recorded = async (requests: readonly TraceRequest[], keyByte = 1): Promise<string> => {
  let text = '';
  const writer = new TraceWriter({
    key: key(keyByte),
    maxBytes: 1e6,
    sink: async (lines) => {
      text += lines;
    },
  });
  for (const request of requests) writer.add(request);
  await writer.flush();
  return text;
};

const read = (text: string): readonly TraceRequest[] => {
  const trace = readTrace(text);
  if (!trace.ok) throw new Error(JSON.stringify(trace.issues));
  return trace.value;
};

const deferred = () => {
  let done = (): void => {};
  const promise = new Promise<void>((resolve) => (done = resolve));
  return { promise, done };
};

describe('a recording', () => {
  it('is read back as it was written, but for the hashes, in the order of arrival', async () => {
    const late = requestOf({ atMs: 900, outputLimit: 64, shape: { numCtx: 4096, rest: 'num_gpu=1' } });
    const refused = requestOf({
      atMs: 5,
      observed: {
        ...requestOf().observed,
        outcome: 'refused',
        backend: undefined,
        firstByteMs: undefined,
        promptTokens: undefined,
        outputTokens: undefined,
      },
    });
    const back = read(await recorded([late, refused]));
    const hidden = (request: TraceRequest) => ({
      ...request,
      app: '',
      session: '',
      marks: request.marks.map(({ bytes }) => bytes),
      observed: { ...request.observed, firstByteMs: request.observed.firstByteMs && 81.3 },
    });
    expect(back.map(hidden)).toEqual([hidden(refused), hidden(late)]);
  });

  it('holds none of the names and hashes that it was given', async () => {
    const text = await recorded([requestOf({ tenant: 'acme' })]);
    expect(text).not.toMatch(/pirate|alice|acme/);
    const [request] = read(text);
    expect(request?.marks.map(({ hash }) => hash)).not.toContain(1);
    expect(request?.marks.map(({ hash }) => hash)).not.toContain(2 ** 53 - 1);
  });

  it('keeps equal things equal within itself, and cannot be linked to a recording with another key', async () => {
    const some = [requestOf(), requestOf({ marks: [{ hash: 1, bytes: 512 }] }), requestOf({ session: 'bob' })];
    const [a, b, c] = read(await recorded(some, 1));
    const [other] = read(await recorded(some, 2));
    expect(a?.marks[0]).toEqual(b?.marks[0]);
    expect(a?.marks[0]?.hash).not.toBe(a?.marks[1]?.hash);
    expect([a?.app, a?.session]).toEqual([b?.app, b?.session]);
    expect(a?.session).not.toBe(c?.session);
    expect(other?.marks[0]?.hash).not.toBe(a?.marks[0]?.hash);
    expect([other?.app, other?.session]).not.toEqual([a?.app, a?.session]);
  });

  it('drops and counts lines while the sink is slow and its buffer full, and goes on afterwards', async () => {
    const gate = deferred();
    const begun = deferred();
    const pieces: string[] = [];
    const line = (await recorded([requestOf()])).length;
    const writer = new TraceWriter({
      key: key(1),
      maxBytes: 1e6,
      bufferBytes: line * 2,
      sink: async (lines) => {
        pieces.push(lines);
        begun.done();
        await gate.promise;
      },
    });
    expect([writer.add(requestOf()), writer.add(requestOf()), writer.add(requestOf())]).toEqual([true, true, false]);
    await begun.promise;
    // What the sink has in its hands still counts: it is in memory.
    expect(writer.add(requestOf())).toBe(false);
    gate.done();
    await writer.flush();
    expect(writer.add(requestOf())).toBe(true);
    await writer.flush();
    expect(pieces.map((piece) => piece.length / line)).toEqual([2, 1]);
    expect(writer.dropped).toBe(2);
  });

  it('ends at its size', async () => {
    const line = (await recorded([requestOf()])).length;
    let text = '';
    const writer = new TraceWriter({
      key: key(1),
      maxBytes: line * 2 + 1,
      sink: async (lines) => {
        text += lines;
      },
    });
    for (let i = 0; i < 4; i++) {
      writer.add(requestOf());
      await writer.flush();
    }
    expect([text.length, writer.dropped]).toEqual([line * 2, 2]);
  });

  it.each([
    [
      'at once',
      (): Promise<void> => {
        throw new Error('disk full');
      },
    ],
    ['later', (): Promise<void> => Promise.reject(new Error('disk full'))],
  ])('counts lines that the sink fails to take %s, says why, and tries again', async (_when, fail) => {
    let failing = true;
    let text = '';
    const writer = new TraceWriter({
      key: key(1),
      maxBytes: 1e6,
      sink: (lines) => {
        if (failing) return fail();
        text += lines;
        return Promise.resolve();
      },
    });
    writer.add(requestOf());
    await writer.flush();
    expect([writer.dropped, writer.lastError]).toEqual([1, 'disk full']);
    failing = false;
    writer.add(requestOf());
    await writer.flush();
    expect(read(text)).toHaveLength(1);
  });
});

describe('reading a recording', () => {
  it('passes over empty lines and members of later versions', async () => {
    const [line = ''] = (await recorded([requestOf()])).split('\n');
    expect(read(`\n${line.replace('{', '{"later":1,')}\r\n\n`)).toHaveLength(1);
    expect(read('')).toEqual([]);
  });

  it('tells every problem with its line and member, and gives nothing', async () => {
    const [line = ''] = (await recorded([requestOf()])).split('\n');
    const broken = [
      line,
      line.replace('"atMs":12.5', '"atMs":-1').replace('"chat"', '"chats"'),
      line.replace('"totalMs":400', '"totalMs":"x"'),
      line.replace('"v":1', '"v":2'),
      '[]',
      line.replace('"bytes":512', '"bytes":1.5'),
      line.slice(0, 40),
    ].join('\n');
    const trace = readTrace(broken);
    expect(trace.ok || trace.issues.map(({ line, path, message }) => [line, path, message])).toEqual([
      [2, 'atMs', 'must be a number of 0 or more, found -1'],
      [2, 'endpoint', 'must be one of chat, generate, embed, other, found "chats"'],
      [3, 'observed.totalMs', 'must be a number of 0 or more, found "x"'],
      [4, 'v', 'must be 1, the only version of the format that this release reads'],
      [5, '', 'must be an object, found []'],
      [5, 'v', 'must be 1, the only version of the format that this release reads'],
      [6, 'marks[0].bytes', 'must be a whole number of 0 or more, found 1.5'],
      [7, '', expect.stringMatching(/^not a JSON line \(.+\); the line was cut off while it was written: remove it$/)],
    ]);
  });

  it('stops at a file that is something else', () => {
    const trace = readTrace('hello\n'.repeat(100_000));
    expect(trace.ok ? 0 : trace.issues.length).toBe(100);
  });

  it('understands the example in the documentation', () => {
    const doc = readFileSync(new URL('../../../docs/trace.md', import.meta.url), 'utf8');
    const example = /```json\n([\s\S]+?)```/.exec(doc)?.[1] ?? '';
    const [request] = read(JSON.stringify(JSON.parse(example)));
    expect(request).toMatchObject({ atMs: 1520.4, observed: { backend: 'gpu-1', outcome: 'served' } });
  });
});
