import { describe, expect, it } from 'vitest';
import { classifyError, classifyStatus } from '../../../src/forward/classify.ts';

const coded = (code: string): Error => Object.assign(new Error('boom'), { code });
const named = (name: string): Error => Object.assign(new Error('boom'), { name });

describe('a status', () => {
  it.each([
    [200, '', 'answer'],
    [301, '', 'answer'],
    [400, 'invalid model name', 'answer'],
    [401, 'unauthorized', 'answer'],
    [404, '404 page gone', 'answer'],
    [429, 'slow down', 'answer'],
    [501, 'does not support embeddings', 'answer'],
    [500, 'option "num_ctx" must be of type integer', 'answer'],
    [500, 'invalid format: expected "json" or a JSON schema', 'answer'],
    [500, 'template: :3: unexpected EOF', 'answer'],
  ] as const)('is handed to the client as it is: %i %s', (status, message, expected) => {
    expect(classifyStatus(status, message)).toBe(expected);
  });

  it.each([
    [503, 'server busy', { reason: 'overloaded', blame: 'none' }],
    [404, "model 'm' not found", { reason: 'model-missing', blame: 'none' }],
    [404, 'model "m" not found, try pulling it first', { reason: 'model-missing', blame: 'none' }],
    [500, 'CUDA error: out of memory', { reason: 'status-5xx', blame: 'model' }],
    [502, '', { reason: 'status-5xx', blame: 'model' }],
  ] as const)('may be tried elsewhere: %i %s', (status, message, expected) => {
    expect(classifyStatus(status, message)).toMatchObject({ ...expected, retryable: true });
  });
});

describe('an error of the connection', () => {
  it.each([
    [coded('ECONNREFUSED'), 'connect', 'connect', 'backend'],
    [coded('UND_ERR_CONNECT_TIMEOUT'), 'connect', 'connect', 'backend'],
    [coded('ECONNRESET'), 'head', 'reset', 'backend'],
    [coded('UND_ERR_SOCKET'), 'first-byte', 'reset', 'backend'],
    [coded('ECONNRESET'), 'body', 'cut-stream', 'model'],
    [coded('HPE_INVALID_CONSTANT'), 'head', 'bad-answer', 'model'],
    [named('HTTPParserError'), 'head', 'bad-answer', 'model'],
    [coded('UND_ERR_HEADERS_OVERFLOW'), 'head', 'bad-answer', 'model'],
    ['not even an error', 'head', 'reset', 'backend'],
  ] as const)('means what its phase makes of it: %s in %s', (error, phase, reason, blame) => {
    expect(classifyError(error, phase)).toMatchObject({ reason, blame, retryable: true });
  });

  it('says what happened and with which code', () => {
    expect(classifyError(coded('ECONNREFUSED'), 'connect').message).toBe('connect: boom (ECONNREFUSED)');
    expect(classifyError(new Error('x'), 'head').message).toBe('closed the connection before its answer: x');
  });
});
