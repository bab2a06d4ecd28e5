import { describe, expect, it } from 'vitest';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { setNumCtx } from '../../../src/forward/num-ctx.ts';

const set = (body: string): string => {
  const bytes = Buffer.from(body);
  return setNumCtx(bytes, scanBody(bytes), 4096).toString();
};

describe('setting the context size of a request', () => {
  it.each([
    ['replaces the number', '{"options":{"num_ctx": 2048 ,"seed":1}}', '{"options":{"num_ctx": 4096 ,"seed":1}}'],
    ['adds it to other options', '{"options":{"seed":1 } }', '{"options":{"seed":1 ,"num_ctx":4096} }'],
    ['adds it to empty options', '{"options":{ }}', '{"options":{ "num_ctx":4096}}'],
    ['adds options to a request', ' {"model":"m"} tail', ' {"model":"m","options":{"num_ctx":4096}} tail'],
    ['adds options to an empty request', '{ }', '{ "options":{"num_ctx":4096}}'],
    ['puts options in the place of null', '{"options":null,"a":"}"}', '{"options":{"num_ctx":4096},"a":"}"}'],
    ['puts the number in the place of null', '{"options":{"num_ctx":null}}', '{"options":{"num_ctx":4096}}'],
    ['finds options in any case', '{"Options":{"num_ctx":1}}', '{"Options":{"num_ctx":4096}}'],
    ['does not take another key for it', '{"options":{"NUM_CTX":1}}', '{"options":{"NUM_CTX":1,"num_ctx":4096}}'],
    [
      'changes the last of duplicates, which is the one that counts',
      '{"options":{"num_ctx":1},"options":{"num_ctx":2,"num_ctx":3}}',
      '{"options":{"num_ctx":1},"options":{"num_ctx":2,"num_ctx":4096}}',
    ],
    ['leaves options of a wrong type to the backend', '{"options":"x"}', '{"options":"x"}'],
    ['leaves a body that is no request', 'null', 'null'],
  ])('%s', (_, before, after) => {
    expect(set(before)).toBe(after);
  });
});
