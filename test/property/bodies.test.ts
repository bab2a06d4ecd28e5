import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ProxyError } from '../../src/core/errors.ts';
import type { PromptView } from '../../src/core/types.ts';
import { PrefixHasher } from '../../src/forward/prefix-hash.ts';
import { readAsk, type Ask } from '../../src/http/ask.ts';
import { routeOf } from '../../src/http/routes.ts';
import { startFaulty } from '../support/faulty.ts';
import { readGoBody, readGoItems } from '../support/go-reader.ts';
import { whole } from '../support/scripts.ts';

/** `npm run fuzz:bodies` sets this to 200,000. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 10_000);
/** The wire is slower by a factor of twenty. */
const WIRE_RUNS = Math.ceil(RUNS / 20);

// ---- bodies ----

const PATHS = [
  '/api/generate',
  '/api/chat',
  '/api/embed',
  '/api/embeddings',
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
] as const;

const words = fc.string({
  unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\t', '/', '<', '🙂', 'é', '\u2028', '{', ']', ',', ':', 'Z'),
  maxLength: 10,
});
/** A string as several writers would write it. */
const written = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.nat(2)).map(([value, how]) => {
    const plain = JSON.stringify(value);
    if (how === 0) return plain;
    const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return how === 1 ? plain.replaceAll(/[<>&é]/g, escaped) : plain.replaceAll(/[aZ/]/g, escaped);
  });
const oneOf = fc.constantFrom;
const anything = fc.oneof(
  oneOf('null', 'true', 'false', '0', '-1.5e3', '[]', '{}', '""', '[{"text":"x"}]', '{"role":"user"}'),
  written(words),
);
const name = written(oneOf('m', 'M', ' m ', 'm:latest', 'alias', 'nobody', 'library/m', '', ' ', 'm\n'));

const members = (list: readonly fc.Arbitrary<readonly [string, string]>[], most: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.oneof(...list), { maxLength: most }), oneOf(',', ', ', '\n,\t'), oneOf(':', ' : '))
    .map(([pairs, comma, colon]) => `{${pairs.map(([key, value]) => `"${key}"${colon}${value}`).join(comma)}}`);
const member = (keys: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<readonly [string, string]> =>
  fc.tuple(oneOf(...keys), value);
const listOf = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { maxLength: 3 }).map((items) => `[${items.join(',')}]`);

const part = members([member(['text', 'TEXT'], fc.oneof(written(words), anything)), member(['type'], anything)], 3);
const content = fc.oneof(written(words), listOf(fc.oneof(part, anything)), anything);
const role = fc.oneof(written(oneOf('user', 'system', 'developer', 'assistant', 'tool', 'User', '')), anything);
const oddMessage = members([member(['role', 'Role'], role), member(['content', 'CONTENT'], content)], 4);
const message = fc.oneof(
  fc
    .tuple(oneOf('user', 'system', 'developer', 'assistant'), fc.oneof(written(words), listOf(part)))
    .map(([who, what]) => `{"role":"${who}","content":${what}}`),
  oddMessage,
);
const messages = fc.oneof(
  { weight: 5, arbitrary: listOf(fc.oneof({ weight: 5, arbitrary: message }, anything)) },
  anything,
);

const request = members(
  [
    member(['model', 'Model', String.raw`\u006dodel`], fc.oneof({ weight: 6, arbitrary: name }, anything)),
    member(['model'], name),
    member(['stream', 'STREAM', 'ſtream'], fc.oneof({ weight: 4, arbitrary: oneOf('true', 'false') }, anything)),
    member(['messages', 'Messages'], messages),
    member(['prompt'], content),
    member(['input'], fc.oneof(content, messages)),
    member(['system', 'instructions'], content),
    member(['keep_alive', 'options', 'metadata', 'user', 'whatever'], anything),
  ],
  8,
);

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(400),
  remove: fc.nat(3),
  insert: oneOf('', '"', '\\', '{', '}', '[', ']', ',', ':', 'u', '0', '-', '.', 'e', '\n', '\u0001', 'é', ' ', 'null'),
});
const damaged = (bytes: Buffer, { at, remove, insert }: Edit): Buffer => {
  const from = Math.min(at, bytes.length);
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(insert), bytes.subarray(from + remove)]);
};

/** What clients send, with more behind it, and damaged a little in one case of three. */
const bodies = fc
  .tuple(
    oneOf('', ' ', '\r\n\t'),
    fc.oneof({ weight: 20, arbitrary: request }, anything),
    oneOf('', '', ' ', ' x', '{}'),
    fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(edit, { minLength: 1, maxLength: 3 })),
  )
  .map(([before, json, after, edits]) => edits.reduce(damaged, Buffer.from(before + json + after)))
  // Control characters in longer strings are left for the backend to find, a liberty taken on purpose.
  .filter((bytes) => bytes.length < 500);

// ---- the reference ----

type Fields = ReadonlyMap<string, { readonly type: string; readonly bytes: Buffer }>;

const fieldsOf = (body: Buffer): Fields | undefined => {
  const places = readGoBody(body);
  return (
    places &&
    new Map(
      [...places].map(([key, { start, end, type }]) => [key, { type, bytes: body.subarray(start, end) }] as const),
    )
  );
};

const stringOf = (field: { readonly type: string; readonly bytes: Buffer } | undefined): string | undefined =>
  field?.type === 'string' ? String(JSON.parse(field.bytes.toString('utf8'))) : undefined;

const contentOf = (field: { readonly type: string; readonly bytes: Buffer } | undefined): string => {
  if (field?.type !== 'array') return stringOf(field) ?? '';
  return readGoItems(field.bytes)
    .flatMap((item) => {
      const text = item.type === 'object' ? stringOf(fieldsOf(item.bytes)?.get('text')) : stringOf(item);
      return text === undefined ? [] : [text];
    })
    .join('\n');
};

/** A turn of tool results or pictures alone has none. */
const hasWords = (field: { readonly type: string; readonly bytes: Buffer }): boolean =>
  field.type === 'string' ||
  (field.type === 'array' &&
    readGoItems(field.bytes).some((item) =>
      item.type === 'object' ? stringOf(fieldsOf(item.bytes)?.get('text')) !== undefined : item.type === 'string',
    ));

const conversationOf = (list: Buffer, system: string): PromptView => {
  const said = readGoItems(list).flatMap(({ type, bytes }) => {
    const fields = type === 'object' ? fieldsOf(bytes) : undefined;
    const what = fields?.get('content');
    return what === undefined ? [] : [{ role: stringOf(fields?.get('role')) ?? '', what }];
  });
  const isSystem = (one: { readonly role: string }): boolean => one.role === 'system' || one.role === 'developer';
  const users = said.filter((one) => one.role === 'user');
  const last = users.findLast(({ what }) => hasWords(what)) ?? users.at(-1) ?? said.findLast((one) => !isSystem(one));
  return { text: contentOf(last?.what), system: system === '' ? contentOf(said.find(isSystem)?.what) : system };
};

const promptIn = (fields: Fields): PromptView => {
  const system = contentOf(fields.get('system') ?? fields.get('instructions'));
  const list = fields.get('messages');
  if (list?.type === 'array') return conversationOf(list.bytes, system);
  const prompt = fields.get('prompt');
  if (prompt !== undefined) return { text: contentOf(prompt), system };
  const input = fields.get('input');
  const items = input?.type === 'array' ? readGoItems(input.bytes) : [];
  if (input !== undefined && items[0]?.type === 'object') return conversationOf(input.bytes, system);
  return { text: contentOf(input), system };
};

interface Expected {
  readonly model: string;
  readonly stream: boolean;
  readonly prompt: PromptView;
}

/** What a body asks for by Go's rules; undefined when the server refuses it whatever models there are. */
const expectedOf = (path: string, body: Buffer): Expected | undefined => {
  const fields = fieldsOf(body);
  if (fields === undefined) return undefined;
  const embeds = path.includes('embed');
  const stream = embeds ? undefined : fields.get('stream');
  if (stream !== undefined && stream.type !== 'boolean') return undefined;
  const model = stringOf(fields.get('model'))?.trim() ?? '';
  if (model === '') return undefined;
  const native = path.startsWith('/api/') && !embeds;
  return {
    model,
    stream: stream === undefined ? native : stream.bytes.toString() === 'true',
    prompt: promptIn(fields),
  };
};

const readOr = (path: string, body: Buffer): Ask | undefined => {
  try {
    return readAsk(routeOf('POST', path), path, {}, body, new PrefixHasher([1, 2]));
  } catch (error) {
    if (error instanceof ProxyError && (error.code === 'bad_request' || error.code === 'model_not_found'))
      return undefined;
    throw error;
  }
};

// ---- what holds ----

describe('a request body', () => {
  it('is read as Go reads it: model, stream and prompt, or refused as Go refuses it', () => {
    let accepted = 0;
    fc.assert(
      fc.property(oneOf(...PATHS), bodies, (path, body) => {
        const ask = readOr(path, body);
        if (ask !== undefined) accepted++;
        const read = ask && { model: ask.model, stream: ask.stream, prompt: ask.prompt() };
        expect(read).toEqual(expectedOf(path, body));
      }),
      { numRuns: RUNS },
    );
    // Both sides of the comparison are really used.
    expect(accepted / RUNS).toBeGreaterThan(0.1);
    expect(accepted / RUNS).toBeLessThan(0.9);
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(oneOf(...PATHS), fc.uint8Array({ maxLength: 300 }), (path, bytes) => {
        readOr(path, Buffer.from(bytes))?.prompt();
      }),
      { numRuns: RUNS },
    );
  });

  it('arrives at the backend as it was sent, or with another model name in its place, and never ends in a 5xx', async () => {
    const faulty = await startFaulty(1, {
      config: 'aliases: { alias: m }',
      otherwise: whole(200, { model: 'm', done: true, choices: [], data: [] }),
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const post = async (path: string, body: Buffer): Promise<IncomingMessage> => {
      const req = http.request(faulty.proxy.url + path, {
        method: 'POST',
        agent,
        headers: { 'content-length': body.length },
      });
      req.end(body);
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      res.resume();
      await once(res, 'end');
      return res;
    };
    await fc.assert(
      fc.asyncProperty(oneOf(...PATHS), bodies, async (path, body) => {
        const before = faulty.at(0).calls.length;
        const { statusCode = 0, headers } = await post(path, body);
        expect(statusCode).toBeLessThan(500);
        const expected = expectedOf(path, body);
        const known = expected !== undefined && /^(library\/)?m(:latest)?$|^alias$/i.test(expected.model);
        if (!known) {
          expect([400, 404]).toContain(statusCode);
          expect(faulty.at(0).calls.length).toBe(before);
          return;
        }
        expect(statusCode).toBe(200);
        const calls = faulty.at(0).calls.splice(before);
        for (const call of calls) {
          if (headers['x-task-router-model'] === undefined) expect(call.body()).toEqual(body);
          else {
            const place = readGoBody(body)?.get('model');
            const there = body.subarray(0, place?.start);
            expect(call.body()).toEqual(Buffer.concat([there, Buffer.from('"m"'), body.subarray(place?.end)]));
          }
        }
      }),
      { numRuns: WIRE_RUNS },
    );
  }, 600_000);
});
