import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/faulty.ts';
import { answerText } from '../support/raw-backend.ts';
import type { RawClient } from '../support/raw-client.ts';
import { openRawScene } from '../support/raw-scene.ts';

/** Rounds; `FUZZ_RUNS=20000 npx vitest run test/property/raw-http.test.ts` for a long night. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 25);
/** A round takes a tenth of a second, on a busy machine a few. */
const TIMEOUT_MS = Math.max(120_000, RUNS * 1_000);
/** Connections of one round, all open at the same time. */
const CONNECTIONS = 16;
const JSON_BODY = '{"model":"m","messages":[],"stream":false}';

// ---- a grammar of requests, mostly proper ones ----

const oneOf = fc.constantFrom;
/** The proper thing, mostly. */
const mostly = (proper: string, ...others: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(proper) }, { weight: 1, arbitrary: oneOf(...others) });

const method = mostly(
  'POST',
  'GET',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PUT',
  'TRACE',
  'CONNECT',
  'QUERY',
  'post',
  'P\u0000ST',
  '',
);
const target = fc.oneof(
  { weight: 4, arbitrary: oneOf('/api/chat', '/v9/thing', '/api/show', '/v1/chat/completions') },
  oneOf(
    '/api/tags',
    '/',
    '*',
    '//x',
    '/..',
    '/%2e%2e/x',
    'http://localhost/v9/x',
    'http://evil/v9/x',
    '/v9/x#y',
    '/v9/\u00e4',
    'x',
  ),
);
const version = mostly(' HTTP/1.1', ' HTTP/1.0', ' HTTP/2.0', ' HTTP/0.9', '', ' HTTP/1.1 x', '\tHTTP/1.1');
const eol = mostly('\r\n', '\n', '\r', '\r\n ', '\n\r\n', '\u0000\r\n');
const colon = mostly(': ', ':', ' : ', '\t:', ':\t', ':\u000b', ': \r\n ');
const host = mostly('localhost', 'evil', '', '127.0.0.1:80', 'a b', 'localhost\r\nHost: evil');
const number = (length: number): fc.Arbitrary<string> =>
  mostly(
    String(length),
    String(length + 5),
    String(Math.max(0, length - 5)),
    `+${length}`,
    `${length},${length}`,
    `0${length}`,
    '-1',
    `0x${length.toString(16)}`,
    '',
  );
const coding = mostly(
  'chunked',
  'Chunked',
  'xchunked',
  'chunked, identity',
  'gzip, chunked',
  'identity',
  '',
  ',chunked',
);
const extra = oneOf(
  'Connection: close',
  'Connection: keep-alive, x-marker',
  'Connection: upgrade\r\nUpgrade: h2c',
  'Expect: 100-continue',
  'Expect: x',
  'TE: trailers',
  'X-A: \u00ff',
  'X-A: a\tb',
  'X_Marker: x',
  `X-Long: ${'a'.repeat(3_000)}`,
  'Content-Type: application/json',
  'Content-Encoding: gzip',
);
const body = oneOf(JSON_BODY, '', '{', 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n', '0\r\n\r\n', '\r\n\r\n');
const chunked = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      mostly(
        text.length.toString(16),
        'zz',
        '-1',
        `0${text.length.toString(16)}`,
        `${text.length.toString(16)};a=b`,
        'f'.repeat(17),
      ),
      eol,
      eol,
      mostly('0\r\n\r\n', '0\r\nX: y\r\n\r\n', '0\n\n', '', '0\r\n'),
    )
    .map(([size, afterSize, afterData, end]) => (text === '' ? end : `${size}${afterSize}${text}${afterData}${end}`));

/** Framing headers and what they frame. */
const framed = body.chain((text) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(colon, number(text.length)).map(([c, n]) => [`Content-Length${c}${n}`, text] as const),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(colon, coding, chunked(text))
        .map(([c, te, bytes]) => [`Transfer-Encoding${c}${te}`, bytes] as const),
    },
    fc
      .tuple(coding, number(text.length), chunked(text))
      .map(([te, n, bytes]) => [`Content-Length: ${n}\r\nTransfer-Encoding: ${te}`, bytes] as const),
    fc.constant(['X-None: 1', ''] as const),
  ),
);

interface Piece {
  /** Bytes with `MARKER` where the marker of the request goes. */
  readonly text: string;
}

const request: fc.Arbitrary<Piece> = fc
  .tuple(method, target, version, eol, colon, host, fc.array(extra, { maxLength: 3 }), framed, eol)
  .map(([m, t, v, e, c, h, extras, [framing, bytes], last]) => ({
    text:
      [`${m} ${t}${v}${e}Host${c}${h}`, 'X-Marker: MARKER', ...extras, framing].join('\r\n') + `\r\n${last}${bytes}`,
  }));

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(400),
  remove: fc.nat(2),
  insert: oneOf('', '\r', '\n', '\r\n', ' ', '\t', '\u0000', ':', ',', '0', '9', '\u00ff', '\u007f', 'a'),
});
const damaged = (text: string, { at, remove, insert }: Edit): string => {
  const from = Math.min(at, text.length);
  return text.slice(0, from) + insert + text.slice(from + remove);
};

/** What one connection sends: some requests, damaged a little in one case of three, cut into packets. */
interface Talk {
  readonly requests: readonly Piece[];
  readonly edits: readonly Edit[];
  readonly cuts: readonly number[];
}
const talk: fc.Arbitrary<Talk> = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 3 }),
  edits: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(edit, { minLength: 1, maxLength: 2 })),
  cuts: fc.array(fc.nat(600), { maxLength: 3 }),
});

// ---- what holds ----

/** A request that ends its connection. */
const lastOf = (marker: string, name: string): string =>
  `GET /v9/${name} HTTP/1.1\r\nHost: localhost\r\nX-Marker: ${marker}.${name}\r\nConnection: close\r\n\r\n`;

const packetsOf = ({ requests, edits, cuts }: Talk, marker: string): readonly string[] => {
  const sent = requests.map(({ text }, i) => text.replace('MARKER', `MARKER.${i}`)).join('');
  // Last of all, so that no damage makes one marker of another.
  const text = edits.reduce(damaged, sent).replaceAll('MARKER', marker);
  // Whatever came before has been read as it will be when this is answered, or has ended the connection.
  const all = text + lastOf(marker, 'end');
  const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
  return places.slice(1).map((end, i) => all.slice(places[i], end));
};

/**
 * The undamaged markers of all answers on a connection, in order; by text, since which of them answers a HEAD is not
 * known here.
 */
const markersIn = (client: RawClient): readonly string[] =>
  [...client.text.matchAll(/"marker":"(<\w+>\.(?:\d|end|last))"/g)].map(([, marker]) => marker ?? '');

/** Limits of silence in a head and in a body, in ms. */
const SILENCE_MS = 300;
/** By then a head or a body that lacks its end has been given up. */
const QUIET_MS = 4 * SILENCE_MS;
/** A connection that is still open so many ms later hangs. */
const HANGS_MS = 10_000;

/**
 * Waits for the end of the connection. A message may have taken the request that was to end it for a part of its own (a
 * trailer, say): then it is open, owes nobody an answer, and another such request ends it.
 */
const endOf = async (client: RawClient, each: Talk, marker: string): Promise<void> => {
  const timers: NodeJS.Timeout[] = [];
  timers.push(setTimeout(() => void client.send(lastOf(marker, 'last')), QUIET_MS));
  const hung = new Promise<never>((_resolve, reject) => {
    const say = (): void => reject(new Error(`hangs: ${JSON.stringify([packetsOf(each, marker), client.text])}`));
    timers.push(setTimeout(say, QUIET_MS + HANGS_MS));
  });
  await Promise.race([client.closed, hung]).finally(() => timers.forEach(clearTimeout));
};

describe('whatever bytes come', () => {
  it(
    'nothing crashes or hangs, each answer is for its own connection, and the backend sees proper requests alone',
    async () => {
      const scene = await openRawScene({
        config: `limits: { head_timeout: ${SILENCE_MS}ms, body_idle_timeout: ${SILENCE_MS}ms }`,
        script: (socket, asked) => {
          const text = JSON.stringify({
            model: 'm',
            message: {},
            done: true,
            marker: asked.values('x-marker').join('|'),
          });
          socket.write(asked.method === 'HEAD' ? answerText(text).slice(0, -text.length) : answerText(text));
        },
      });
      onTestFinished(() => scene.stop());
      let round = 0;
      let answered = 0;
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(talk, { minLength: CONNECTIONS, maxLength: CONNECTIONS }), async (talks) => {
          const name = `r${round++}`;
          scene.backend.requests.length = 0;
          const clients = talks.map(() => scene.connect());
          await Promise.all(
            talks.map(async (each, i) => {
              const client = clients[i];
              if (client === undefined) return;
              await client.send(...packetsOf(each, `<${name}c${i}>`));
              await endOf(client, each, `<${name}c${i}>`);
            }),
          );
          expect(scene.backend.broken).toEqual([]);
          for (const [i, client] of clients.entries()) {
            const markers = markersIn(client);
            answered += markers.length;
            for (const marker of markers) expect(marker.startsWith(`<${name}c${i}>`)).toBe(true);
            // In the order of the requests, each at most once.
            expect(markers).toEqual([...new Set(markers)].sort());
            // What the client got begins as an answer, and is all answers.
            if (client.text !== '') expect(client.text).toMatch(/^HTTP\/1\.1 \d{3} /);
            for (const { status } of client.answers()) {
              expect(status).toBeGreaterThanOrEqual(200);
              expect(status).toBeLessThan(500);
              if (status >= 400) refused++;
            }
          }
          expect((await scene.proxy.call('/v9/after')).status).toBe(200);
        }),
        { numRuns: RUNS, endOnFailure: true, ...(process.env['FUZZ_RUNS'] === undefined ? { seed: 20_251 } : {}) },
      );
      // The grammar speaks of both.
      expect(answered).toBeGreaterThan(RUNS);
      expect(refused).toBeGreaterThan(RUNS);
      await until(async () => {
        const { body: view } = await scene.proxy.admin('GET', 'backends/b0');
        return (view as { readonly inflight: number }).inflight === 0;
      });
    },
    TIMEOUT_MS,
  );
});
