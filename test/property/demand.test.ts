import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Demand } from '../../src/core/demand.ts';
import { readDemand, type DemandRoute } from '../../src/forward/demand.ts';
import { JsonWalk } from '../../src/forward/demand-walk.ts';
import { scanBody } from '../../src/forward/json-scan.ts';
import { setNumCtx } from '../../src/forward/num-ctx.ts';
import { numCtxFor } from '../../src/facts/num-ctx-policy.ts';
import { PrefixHasher } from '../../src/forward/prefix-hash.ts';

const HASHER = new PrefixHasher([5, 6]);
const CHAT: DemandRoute = { endpoint: 'chat', dialect: 'native', loads: false };

const demandOf = (body: string, route = CHAT): Demand => {
  const bytes = Buffer.from(body);
  return readDemand(bytes, scanBody(bytes), route, HASHER, 'unknown');
};

const words = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '🙂', ' ', '{', ']', ','), maxLength: 40 }),
  fc.integer({ min: 400, max: 3000 }).map((length) => 'word " '.repeat(length / 7)),
);
const message = fc.record(
  {
    role: fc.constantFrom('system', 'user', 'assistant', 'tool'),
    content: fc.oneof(words, fc.array(fc.record({ type: fc.constant('text'), text: words }), { maxLength: 3 })),
    thinking: words,
    tool_name: words,
    images: fc.array(words, { maxLength: 2 }),
  },
  { requiredKeys: ['role'] },
);
const messages = fc.array(message, { maxLength: 8 });

/** The same value with its members in another order and space between them. */
const rewritten = (value: unknown, space: string): string => {
  if (Array.isArray(value)) return `[${space}${value.map((each) => rewritten(each, space)).join(`${space},`)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, each]) => `${space}${JSON.stringify(key)}${space}:${space}${rewritten(each, space)}`,
  );
  return `{${members.reverse().join(',')}${space}}`;
};

const last = (demand: Demand): number | undefined => demand.marks.at(-1)?.hash;

describe('reading the demand of a request', () => {
  it('finds every mark of a conversation again in its continuation', () => {
    fc.assert(
      fc.property(messages, messages, (before, after) => {
        const one = demandOf(JSON.stringify({ messages: before }));
        const other = demandOf(JSON.stringify({ messages: [...before, ...after] }));
        expect(other.marks.slice(0, one.marks.length)).toEqual(one.marks);
      }),
    );
  });

  it('gives different prompts different hashes, and marks in ascending order up to the whole prompt', () => {
    fc.assert(
      fc.property(messages, messages, (some, others) => {
        const one = demandOf(JSON.stringify({ messages: some }));
        const other = demandOf(JSON.stringify({ messages: others }));
        expect(last(one) === last(other)).toBe(said(some) === said(others));
        const bytes = one.marks.map((mark) => mark.bytes);
        expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
        if (some.length > 0) expect(bytes.at(-1)).toBe(one.promptBytes);
      }),
    );
  });

  it('sees no difference in the order of members and the space between them', () => {
    fc.assert(
      fc.property(messages, fc.constantFrom('', ' ', '\n\t '), (some, space) => {
        expect(demandOf(rewritten({ messages: some }, space))).toEqual(demandOf(JSON.stringify({ messages: some })));
      }),
    );
  });

  it('reads any JSON at all without an error, on any route', () => {
    const key = fc.constantFrom(
      ...[
        'messages',
        'content',
        'role',
        'prompt',
        'system',
        'input',
        'options',
        'num_ctx',
        'images',
        'tools',
        'source',
      ],
      ...['context', 'suffix', 'text', 'type', 'tool_calls', 'max_tokens', 'think', 'x', 'CONTENT', 'ro\\le'],
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    }));
    const body = fc.dictionary(key, value, { maxKeys: 5 }).map((each) => JSON.stringify(each));
    const route = fc.record({
      endpoint: fc.constantFrom('chat' as const, 'generate' as const, 'embed' as const, 'other' as const),
      dialect: fc.constantFrom('native' as const, 'openai' as const, 'anthropic' as const),
      loads: fc.boolean(),
    });
    fc.assert(
      fc.property(body, route, (json, where) => {
        const { promptBytes, marks, outputLimit } = demandOf(json, where);
        expect(promptBytes).toBeGreaterThanOrEqual(0);
        expect(marks.length).toBeLessThanOrEqual(512);
        if (outputLimit !== undefined) expect(outputLimit).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

/** What messages say, without the differences that make none: absent or empty content, and one part for plain text. */
const said = (list: readonly Record<string, unknown>[]): string =>
  JSON.stringify(
    list.map(({ content, ...others }) => {
      const parts = Array.isArray(content) ? content.map(({ text }: { text: string }) => text) : [content ?? ''];
      return { ...others, parts: parts.length === 0 ? [''] : parts };
    }),
  );

describe('walking over JSON', () => {
  it('finds the ends of values where JSON.parse does, and throws at nothing', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', ',', ']', '}'), (json, after) => {
        expect(new JsonWalk(Buffer.from(json + after)).valueEnd(0)).toBe(Buffer.byteLength(json));
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const walk = new JsonWalk(Buffer.from(bytes));
        const ends = [walk.valueEnd(0), walk.members(0, () => undefined), walk.items(0, (from) => walk.valueEnd(from))];
        for (const end of ends) expect(end).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the end of a string whatever its length and the quotes and backslashes in it', () => {
    const piece = fc.oneof(
      fc.constantFrom('"', '\\', '\\"', 'é'),
      fc.nat(600).map((length) => 'x'.repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const json = JSON.stringify(pieces.join(''));
        expect(new JsonWalk(Buffer.from(`${json},"more"`)).valueEnd(0)).toBe(Buffer.byteLength(json));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('setting the context size of a request', () => {
  it('changes nothing else in any body', () => {
    const options = fc.oneof(
      fc.constant(null),
      fc.dictionary(fc.constantFrom('num_ctx', 'seed', 'stop', 'a"b'), fc.jsonValue()),
    );
    const body = fc.record(
      { model: fc.string(), options, prompt: fc.string(), x: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(body, fc.constantFrom(0, 2), fc.integer({ min: 1, max: 1e6 }), (value, indent, numCtx) => {
        const bytes = Buffer.from(JSON.stringify(value, null, indent));
        const after: unknown = JSON.parse(setNumCtx(bytes, scanBody(bytes), numCtx).toString());
        const parsed = JSON.parse(bytes.toString()) as { options?: object | null };
        expect(after).toEqual({ ...parsed, options: { ...parsed.options, num_ctx: numCtx } });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the policy for context sizes', () => {
  const tokens = fc.integer({ min: 1, max: 300_000 });
  const maybe = fc.option(tokens, { nil: undefined });
  const policy = fc.constantFrom('keep' as const, 'ladder' as const, 'pin' as const);

  it('never gives less than was asked, and avoids a load only by using what is in memory', () => {
    fc.assert(
      fc.property(policy, maybe, maybe, maybe, maybe, (name, asked, resident, byDefault, pinned) => {
        const { numCtx, avoided } = numCtxFor(name, asked, resident, byDefault, pinned);
        if (asked !== undefined) expect(numCtx).toBeGreaterThanOrEqual(asked);
        if (avoided) {
          expect(numCtx).toBe(resident);
          expect(asked ?? byDefault).not.toBe(resident);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
