import { describe, expect, it } from 'vitest';
import { IMAGE_BYTES, type Demand } from '../../../src/core/demand.ts';
import { readDemand, type DemandRoute } from '../../../src/forward/demand.ts';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { PrefixHasher } from '../../../src/forward/prefix-hash.ts';

const HASHER = new PrefixHasher([11, 22]);
const CHAT: DemandRoute = { endpoint: 'chat', dialect: 'native', loads: false };
const GENERATE: DemandRoute = { endpoint: 'generate', dialect: 'native', loads: false };
const OPENAI: DemandRoute = { endpoint: 'chat', dialect: 'openai', loads: false };
const ANTHROPIC: DemandRoute = { endpoint: 'chat', dialect: 'anthropic', loads: false };

const demandOf = (body: string | object, route = CHAT, hasher = HASHER): Demand => {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return readDemand(bytes, scanBody(bytes), route, hasher, 'coding');
};

/** Bytes of the longest beginning that both are known to share. */
const shared = (one: Demand, other: Demand): number => {
  const known = new Set(one.marks.map(({ hash }) => hash));
  return other.marks.findLast(({ hash }) => known.has(hash))?.bytes ?? 0;
};

const user = (content: unknown): object => ({ role: 'user', content });
const assistant = (content: string): object => ({ role: 'assistant', content });

describe('the marks of a chat', () => {
  const turn1 = { messages: [user('hello'), assistant('hi there')] };
  const turn2 = { messages: [...turn1.messages, user('and now?')] };

  it('lie at the ends of messages and count role and content', () => {
    expect(demandOf(turn2).marks.map(({ bytes }) => bytes)).toEqual([9, 26, 38]);
    expect(demandOf(turn2).promptBytes).toBe(38);
  });

  it('are shared by the next turn of the same conversation', () => {
    expect(shared(demandOf(turn1), demandOf(turn2))).toBe(26);
  });

  it('end to be shared where a role, a word or the border between two messages differs', () => {
    const differing = [
      [assistant('hello'), assistant('hi there')],
      [user('hellO'), assistant('hi there')],
      [user('hell'), assistant('ohi there')],
      [user('hello'), user(''), assistant('hi there')],
    ];
    for (const messages of differing) {
      expect(demandOf({ messages }).marks.at(-1)?.hash).not.toBe(demandOf(turn1).marks.at(-1)?.hash);
    }
  });

  it('are whole numbers of 53 bits and mean nothing under another key', () => {
    const { marks } = demandOf(turn2);
    for (const { hash } of marks) expect(Number.isSafeInteger(hash) && hash >= 0).toBe(true);
    expect(shared(demandOf(turn2), demandOf(turn2, CHAT, new PrefixHasher([11, 23])))).toBe(0);
  });

  it('do not depend on the model, on sampling, or on how the answer is delivered', () => {
    const other = { ...turn1, model: 'x', stream: false, options: { temperature: 1 }, keep_alive: '5m' };
    expect(demandOf(other).marks).toEqual(demandOf(turn1).marks);
  });

  it.each([
    { think: true },
    { format: 'json' },
    { tools: [{ type: 'function' }] },
    { template: '{{ .Prompt }}' },
    { raw: true },
  ])('are not shared with the same chat under %j', (setting) => {
    expect(shared(demandOf({ ...turn1, ...setting }), demandOf(turn1))).toBe(0);
  });

  it('do not depend on the order of members or the white space between them', () => {
    const body = `{ "messages" : [ {"content":"hello" ,\n"role":"user"}, {"tool_name":"t","role":"tool","content":"3"} ] }`;
    const messages = [user('hello'), { role: 'tool', content: '3', tool_name: 't' }];
    expect(demandOf(body).marks).toEqual(demandOf({ messages }).marks);
  });

  it('depend on tool calls, thinking and the name of a tool', () => {
    const plain = { role: 'assistant', content: 'x' };
    const call = (name: string): object => ({ function: { name } });
    const variants = [
      plain,
      { ...plain, thinking: 'y' },
      { ...plain, tool_name: 'y' },
      { ...plain, tool_calls: [call('a')] },
      { ...plain, tool_calls: [call('b')] },
    ];
    const hashes = variants.map((message) => demandOf({ messages: [message] }).marks.at(-1)?.hash);
    expect(new Set(hashes).size).toBe(variants.length);
  });

  it('lie every 512 bytes inside of a long message, so that an edited end loses only itself', () => {
    const one = demandOf({ messages: [user('a'.repeat(2000))] });
    const other = demandOf({ messages: [user(`${'a'.repeat(1600)}b`)] });
    expect(one.marks.map(({ bytes }) => bytes)).toEqual([516, 1028, 1540, 2004]);
    expect(shared(one, other)).toBe(1540);
  });

  it('start with tools and a system text of its own, which others with the same ones share', () => {
    const head = { tools: [{ type: 'function', function: { name: 'look_up' } }], system: 'Be brief.' };
    const one = demandOf({ ...head, messages: [user('one')] }, ANTHROPIC);
    const other = demandOf({ ...head, messages: [user('two')] }, ANTHROPIC);
    expect(shared(one, other)).toBe(JSON.stringify(head.tools).length + 'Be brief.'.length);
  });
});

describe('pictures', () => {
  const picture = (fill: string): string => `${'A'.repeat(5000)}${fill.repeat(20_000)}${'Z'.repeat(5000)}`;

  it('count as so many bytes each, whatever their size, in every dialect', () => {
    const data = picture('m');
    const native = demandOf({ messages: [{ ...user('see'), images: [data, data] }] });
    const url = { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } };
    const openai = demandOf({ messages: [user([{ type: 'text', text: 'see' }, url])] }, OPENAI);
    const source = { type: 'base64', media_type: 'image/png', data };
    const anthropic = demandOf(
      {
        messages: [
          user([
            { type: 'image', source },
            { type: 'text', text: 'see' },
          ]),
        ],
      },
      ANTHROPIC,
    );
    const generate = demandOf({ prompt: 'see', images: [data] }, GENERATE);
    expect(native.promptBytes).toBe(7 + 2 * IMAGE_BYTES);
    expect(openai.promptBytes).toBe(7 + IMAGE_BYTES);
    expect(anthropic.promptBytes).toBe(7 + IMAGE_BYTES);
    expect(generate.promptBytes).toBe(3 + IMAGE_BYTES);
  });

  it('are told apart by their length, beginning and end', () => {
    const hashes = [picture('m'), `${picture('m')}Z`, `B${picture('m')}`, picture('m').slice(0, -1) + 'z'].map(
      (data) => demandOf({ messages: [{ ...user('see'), images: [data] }] }).marks.at(-1)?.hash,
    );
    expect(new Set(hashes).size).toBe(4);
  });

  it('inside of a tool result are no text either', () => {
    const source = { type: 'base64', data: picture('m') };
    const result = { type: 'tool_result', tool_use_id: 't', content: [{ type: 'image', source }] };
    expect(demandOf({ messages: [user([result])] }, ANTHROPIC).promptBytes).toBeLessThan(IMAGE_BYTES + 20);
  });
});

describe('parts of a content', () => {
  it('of which one is text are the same prompt as that text alone', () => {
    const parts = demandOf({ messages: [user([{ type: 'text', text: 'hello' }])] }, OPENAI);
    expect(parts.marks).toEqual(demandOf({ messages: [user('hello')] }, OPENAI).marks);
  });

  it('are not glued together', () => {
    const text = (words: string): object => ({ type: 'text', text: words });
    const one = demandOf({ messages: [user([text('ab'), text('c')])] }, OPENAI);
    const other = demandOf({ messages: [user([text('a'), text('bc')])] }, OPENAI);
    expect(shared(one, other)).toBe(0);
  });

  it('are the same wherever the client wants its cache to end', () => {
    const block = { type: 'text', text: 'hello' };
    const use = { type: 'tool_use', id: 't', name: 'look_up', input: { q: 1 } };
    const marked = (each: object): object => ({ ...each, cache_control: { type: 'ephemeral' } });
    const one = demandOf({ system: [marked(block)], messages: [user([marked(block), use])] }, ANTHROPIC);
    const other = demandOf({ system: [block], messages: [user([block, marked(use)])] }, ANTHROPIC);
    expect(one).toEqual(other);
  });
});

describe('other prompts', () => {
  it('of /api/generate are system text, prompt and suffix, in steps', () => {
    const one = demandOf({ system: 's'.repeat(600), prompt: 'p'.repeat(1200), suffix: 'end' }, GENERATE);
    expect(one.marks.map(({ bytes }) => bytes)).toEqual([512, 600, 1112, 1624, 1800, 1803]);
    const other = demandOf({ system: 's'.repeat(600), prompt: 'p'.repeat(1200), suffix: 'END' }, GENERATE);
    expect(shared(one, other)).toBe(1800);
  });

  it('of /api/generate go on from the tokens of an earlier answer', () => {
    const tokens = Array.from({ length: 400 }, (_, i) => i);
    const one = demandOf({ context: tokens, prompt: 'next' }, GENERATE);
    const other = demandOf({ context: [...tokens, 7, 8, 9], prompt: 'and then' }, GENERATE);
    expect(shared(one, other)).toBe(1024);
  });

  it('of Responses are instructions and input, as a string or as items', () => {
    const text = demandOf({ instructions: 'Be brief.', input: 'hello' }, OPENAI);
    expect([text.promptBytes, text.marks.length]).toEqual([14, 2]);
    const item = (words: string): object => ({ role: 'user', content: [{ type: 'input_text', text: words }] });
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
    const one = demandOf({ instructions: 'Be brief.', input: [item('hello'), call] }, OPENAI);
    const other = demandOf({ instructions: 'Be brief.', input: [item('hello'), call, item('more')] }, OPENAI);
    expect(shared(one, other)).toBe(one.promptBytes);
  });

  it('of embeddings are counted and leave no marks', () => {
    const embed: DemandRoute = { ...GENERATE, endpoint: 'embed' };
    expect(demandOf({ input: ['four', 'five5'] }, embed)).toMatchObject({
      kind: 'embedding',
      promptBytes: 9,
      marks: [],
    });
    expect(demandOf({ prompt: 'old' }, embed)).toMatchObject({ kind: 'embedding', promptBytes: 3, marks: [] });
  });

  it('that are empty only load, and say in what shape', () => {
    const body = { messages: [], options: { num_ctx: 8192 } };
    const load = demandOf(body, { ...CHAT, loads: true });
    expect(load).toMatchObject({ kind: 'load', promptBytes: 0, marks: [], shape: { numCtx: 8192 }, app: 'c:coding' });
  });
});

describe('the shape of the runner', () => {
  it('is what the options say of it, in one order, and nothing of sampling', () => {
    const options = {
      use_mmap: false,
      temperature: 1,
      num_thread: 4,
      num_ctx: 4096,
      num_batch: 128,
      num_gpu: 20,
      main_gpu: 1,
    };
    expect(demandOf({ messages: [], options }).shape).toEqual({
      numCtx: 4096,
      rest: 'main_gpu=1,num_batch=128,num_gpu=20,num_thread=4,use_mmap=false',
    });
  });

  it('takes the last of duplicates, names to the letter, and fractions cut off, as the server does', () => {
    const body = '{"OPTIONS":{"num_ctx":1024,"NUM_CTX":1,"num_ctx":2048.9,"num_gpu":1,"num_gpu":null}}';
    expect(demandOf(body).shape).toEqual({ numCtx: 2048, rest: '' });
  });

  it('says when the context must not be shifted, which is no option and yet loads the model anew', () => {
    expect(demandOf({ shift: false }).shape.rest).toBe('shift=false');
    expect(demandOf({ shift: true }).shape.rest).toBe('');
  });

  it.each([null, [], 'x', { num_ctx: '4096', num_gpu: true }, { num_ctx: 0 }, { num_ctx: 1e300, use_mmap: 1 }])(
    'is the default under the nonsense %j',
    (options) => {
      expect(demandOf({ options }).shape).toEqual({ numCtx: undefined, rest: '' });
    },
  );

  it('is the default in other dialects, which have no options', () => {
    expect(demandOf({ options: { num_ctx: 1024 } }, OPENAI).shape).toEqual({ numCtx: undefined, rest: '' });
  });
});

describe('the most tokens that a client wants', () => {
  it('is said in each dialect under its own names', () => {
    expect(demandOf({ options: { num_predict: 50 } }).outputLimit).toBe(50);
    expect(demandOf({ max_tokens: 60 }, OPENAI).outputLimit).toBe(60);
    expect(demandOf({ max_tokens: 60, max_completion_tokens: 40 }, OPENAI).outputLimit).toBe(40);
    expect(demandOf({ max_output_tokens: 70 }, OPENAI).outputLimit).toBe(70);
    expect(demandOf({ max_tokens: 80 }, ANTHROPIC).outputLimit).toBe(80);
  });

  it('is unknown where nothing, no number or no bound is given', () => {
    expect(demandOf({ max_tokens: 60 }).outputLimit).toBeUndefined();
    expect(demandOf({ options: { num_predict: -1 } }).outputLimit).toBeUndefined();
    expect(demandOf({ max_tokens: '60' }, OPENAI).outputLimit).toBeUndefined();
  });
});

describe('the application', () => {
  const named = (body: object, route = CHAT): string => demandOf(body, route).app;

  it('is known by its system prompt, wherever that stands and whatever is asked', () => {
    const first = named({ messages: [{ role: 'system', content: 'Be brief.' }, user('one')] });
    expect(first).toMatch(/^s:[0-9a-z]+$/);
    expect(named({ messages: [{ role: 'developer', content: 'Be brief.' }, user('two')] }, OPENAI)).toBe(first);
    expect(named({ system: 'Be brief.', prompt: 'three' }, GENERATE)).toBe(first);
    expect(named({ instructions: 'Be brief.', input: 'four' }, OPENAI)).toBe(first);
    expect(named({ system: [{ type: 'text', text: 'Be brief.' }], messages: [user('five')] }, ANTHROPIC)).toBe(first);
    expect(named({ system: 'Be long.', prompt: 'three' }, GENERATE)).not.toBe(first);
  });

  it('is the category where there is no system prompt', () => {
    expect(named({ messages: [user('one')] })).toBe('c:coding');
    expect(named({ system: '', prompt: 'x' }, GENERATE)).toBe('c:coding');
  });
});

describe('very long prompts', () => {
  it('are counted whole, and marked up to a bound', () => {
    const long = demandOf({ prompt: 'p'.repeat(3_000_000) }, GENERATE);
    expect(long.promptBytes).toBe(3_000_000);
    expect(long.marks.length).toBeLessThanOrEqual(512);
    expect(long.marks.at(-1)?.bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(long.marks.at(-1)?.bytes).toBeGreaterThan(900_000);
  });

  it('keep the ends of their latest messages, where the next turn will look', () => {
    const messages = Array.from({ length: 2000 }, (_, i) => user(`message number ${i}`));
    const one = demandOf({ messages });
    const other = demandOf({ messages: [...messages, assistant('yes'), user('go on')] });
    expect(one.marks.length).toBeLessThanOrEqual(512);
    expect(shared(one, other)).toBe(one.promptBytes);
  });

  it('still share a beginning with others that are much longer', () => {
    const head = Array.from({ length: 300 }, (_, i) => user(`${i} ${'x'.repeat(300)}`));
    const tail = (n: number, word: string): object[] =>
      Array.from({ length: n }, (_, i) => user(`${word} ${i} ${'y'.repeat(300)}`));
    const one = demandOf({ messages: [...head, ...tail(400, 'one')] });
    const other = demandOf({ messages: [...head, ...tail(1500, 'other')] });
    const length = demandOf({ messages: head }).promptBytes;
    expect(one.marks.length).toBeLessThanOrEqual(512);
    expect(other.marks.length).toBeLessThanOrEqual(512);
    expect(shared(one, other)).toBeGreaterThan(0.9 * length);
  });

  it('made of empty messages leave few marks and are counted to the end', () => {
    const body = `{"messages":[${'{},'.repeat(100_000)}{"role":"user","content":"end"}]}`;
    const demand = demandOf(body);
    expect(demand.marks.length).toBeLessThanOrEqual(512);
    expect(demand.promptBytes).toBeGreaterThan(100_000);
  });
});
