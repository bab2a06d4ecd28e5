import { describe, expect, it } from 'vitest';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { promptOf } from '../../../src/forward/prompt.ts';

const read = (body: object): ReturnType<typeof promptOf> => {
  const bytes = Buffer.from(JSON.stringify(body));
  return promptOf(bytes, scanBody(bytes));
};

describe('the words of a request', () => {
  it.each([
    [{ prompt: 'p', system: 's' }, 'p', 's'],
    [{ input: 'one text' }, 'one text', ''],
    [{ input: ['a', 'b'] }, 'a\nb', ''],
    [
      {
        messages: [
          { role: 'system', content: 'sys' },
          { role: 'user', content: 'old' },
          { role: 'assistant', content: 'x' },
          { role: 'user', content: 'last' },
          { role: 'tool', content: 'result' },
        ],
      },
      'last',
      'sys',
    ],
    [{ messages: [{ role: 'assistant', content: 'only' }] }, 'only', ''],
    [
      {
        messages: [
          { role: 'developer', content: 'dev' },
          { role: 'user', content: 'u' },
        ],
      },
      'u',
      'dev',
    ],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'look' },
              { type: 'image_url', image_url: { url: 'data:' } },
              { type: 'text', text: 'here' },
            ],
          },
        ],
      },
      'look\nhere',
      '',
    ],
    [{ system: [{ type: 'text', text: 's1' }], messages: [{ role: 'user', content: 'u' }] }, 'u', 's1'],
    [{ instructions: 'i', input: [{ role: 'user', content: [{ type: 'input_text', text: 'r' }] }] }, 'r', 'i'],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'fix the build' }] },
          { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'run', input: {} }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'exit 1' }] },
        ],
      },
      'fix the build',
      '',
    ],
    [{ messages: [] }, '', ''],
    [{ messages: [null, 3, { role: 'user' }, { content: 5 }] }, '', ''],
    [{ prompt: 7 }, '', ''],
    [{}, '', ''],
  ])('are found in whichever dialect they came: %j', (body, text, system) => {
    expect(read(body)).toEqual({ text, system });
  });

  it('of a very long prompt are its beginning and its end', () => {
    const { text } = read({ prompt: `begin ${'x'.repeat(500_000)} end` });
    expect(text.startsWith('begin x')).toBe(true);
    expect(text.endsWith('x end')).toBe(true);
    expect(text.length).toBeLessThan(70_000);
  });
});
