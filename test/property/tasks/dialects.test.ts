import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PromptView } from '../../../src/core/types.ts';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { promptOf } from '../../../src/forward/prompt.ts';
import { createCategorizerChain } from '../../../src/tasks/index.ts';

const chain = createCategorizerChain();
const folder = new URL('../../unit/tasks/corpus/', import.meta.url);
const corpus = readdirSync(folder)
  .flatMap((file) => readFileSync(new URL(file, folder), 'utf8').split('\n'))
  .filter((line) => line !== '')
  .map((line) => (JSON.parse(line) as { text: string }).text);

const viewOf = (body: object): PromptView => {
  const bytes = Buffer.from(JSON.stringify(body));
  return promptOf(bytes, scanBody(bytes));
};

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** The same conversation as each API says it. */
const bodies = (system: string, history: readonly Turn[], text: string): Readonly<Record<string, object>> => {
  const turns: readonly Turn[] = [...history, { role: 'user', content: text }];
  const inParts = turns.map(({ role, content }) => ({ role, content: [{ type: 'text', text: content }] }));
  return {
    'native generate': { model: 'm', system, prompt: text },
    'native chat': { model: 'm', messages: [{ role: 'system', content: system }, ...turns] },
    'OpenAI chat': { model: 'm', messages: [{ role: 'developer', content: system }, ...inParts] },
    'OpenAI responses': {
      model: 'm',
      instructions: system,
      input: turns.map(({ role, content }) => ({
        role,
        content: [{ type: role === 'user' ? 'input_text' : 'output_text', text: content }],
      })),
    },
    'Anthropic messages': { model: 'm', max_tokens: 100, system: [{ type: 'text', text: system }], messages: inParts },
  };
};

const texts = fc.oneof(fc.constantFrom(...corpus), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }));
const turns = fc.array(fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const), content: texts }), {
  maxLength: 4,
});

describe('the same content in every dialect', () => {
  it('gets the same verdict, for the same reason', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant('You are a helpful assistant.'), texts),
        turns,
        texts,
        (system, history, text) => {
          const verdicts = Object.entries(bodies(system, history, text)).map(([name, body]) => ({
            name,
            verdict: chain.categorize(viewOf(body)),
          }));
          for (const { name, verdict } of verdicts) expect([name, verdict]).toEqual([name, verdicts[0]?.verdict]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is judged by the last thing that the user said, whatever tools answered since', () => {
    const { text } = viewOf({
      model: 'm',
      messages: [
        { role: 'user', content: 'write unit tests for the parser' },
        { role: 'assistant', content: '', tool_calls: [{ function: { name: 'read', arguments: '{}' } }] },
        { role: 'tool', content: 'Traceback (most recent call last):\n  File "a.py", line 1' },
      ],
    });
    expect(chain.categorize({ text, system: '' }).category).toBe('testing');
  });
});
