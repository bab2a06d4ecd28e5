import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessFields, accessLine } from '../../../src/results/access-line.ts';
import { recordOf } from '../../support/record.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a"b', 'c\\d', '\u2028', 'plain', '\ud800', ''));

describe('the line of a request', () => {
  it('is JSON whatever the texts in it are, and says them as they were', () => {
    fc.assert(
      fc.property(text, text, text, fc.double({ min: 0, max: 1e9, noNaN: true }), (path, model, error, totalMs) => {
        const record = { ...recordOf({}), path, model, error, totalMs };
        const {
          path: itsPath,
          model: itsModel,
          error: itsError,
          ...rest
        } = accessFields(record) as Record<string, unknown>;
        expect({ itsPath, itsModel, itsError }).toEqual({ itsPath: path, itsModel: model, itsError: error });
        expect(rest['totalMs']).toBe(JSON.parse(JSON.stringify(Math.round(totalMs * 10) / 10)));
      }),
    );
  });

  it('leaves out what is not known', () => {
    const line = accessLine({ ...recordOf({}), error: undefined, usage: undefined });
    expect(line).not.toContain('"error"');
    expect(line).not.toContain('"promptTokens"');
  });

  it('tells of each attempt that failed', () => {
    const outcome = {
      kind: 'backend-failed',
      phase: 'head',
      blame: 'model',
      reason: 'reset',
      message: 'hung "up"',
      totalMs: 1,
    } as const;
    const attempt = { backend: 'gpu1', model: 'm', why: 'w', outcome };
    const record = {
      ...recordOf({}),
      outcome: 'failed' as const,
      attempts: [attempt, { ...attempt, backend: 'gpu2' }],
    };
    expect(accessFields(record)).toMatchObject({
      attempts: 2,
      failures: ['gpu1: hung "up"', 'gpu2: hung "up"'],
      backend: 'gpu2',
    });
  });
});
