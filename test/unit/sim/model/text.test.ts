import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../../src/core/rng.ts';
import { generateText, valueForSchema, type TextRequest } from '../../../../src/sim/model/text.ts';

const request = (changes: Partial<TextRequest> = {}): TextRequest => ({
  prompt: 'What is a queue?',
  seed: 7,
  length: [20, 40],
  limit: undefined,
  stop: [],
  format: undefined,
  ...changes,
});

describe('generated text', () => {
  it('depends on prompt and seed alone', () => {
    expect(generateText(request())).toEqual(generateText(request()));
    expect(generateText(request({ seed: 8 })).pieces).not.toEqual(generateText(request()).pieces);
    expect(generateText(request({ prompt: 'What is a stack?' })).pieces).not.toEqual(generateText(request()).pieces);
  });

  it('keeps within the asked lengths', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (prompt, seed) => {
        const { pieces, reason } = generateText(request({ prompt, seed }));
        expect(pieces.length).toBeGreaterThanOrEqual(20);
        expect(pieces.length).toBeLessThanOrEqual(40);
        expect(reason).toBe('stop');
      }),
    );
  });

  it('ends by length at the limit', () => {
    expect(generateText(request({ limit: 5 }))).toMatchObject({ reason: 'length', pieces: { length: 5 } });
    expect(generateText(request({ limit: -1 })).reason).toBe('stop');
  });

  it('ends before a stop word, wherever it stands', () => {
    const whole = generateText(request()).pieces.join('');
    const word = whole.slice(17, 23);
    const { pieces, reason } = generateText(request({ stop: ['', 'never said', word] }));
    expect(pieces.join('')).toBe(whole.slice(0, whole.indexOf(word)));
    expect(reason).toBe('stop');
  });

  it('is JSON when JSON is asked for', () => {
    expect(JSON.parse(generateText(request({ format: 'json' })).pieces.join(''))).toBeTypeOf('object');
  });

  it('follows a JSON schema', () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        age: { type: 'integer' },
        tags: { type: 'array', items: { enum: ['x', 'y'] } },
        nested: { properties: { ok: { type: 'boolean' } } },
        none: { type: 'null' },
        fixed: { const: 3 },
        share: { type: 'number' },
      },
    };
    expect(valueForSchema(schema, seededRng(3))).toEqual({
      name: expect.any(String),
      age: expect.any(Number),
      tags: [expect.stringMatching(/^[xy]$/)],
      nested: { ok: expect.any(Boolean) },
      none: null,
      fixed: 3,
      share: expect.any(Number),
    });
  });
});
