import { describe, expect, it } from 'vitest';
import { scanBody } from '../../../../src/forward/json-scan.ts';
import { purposeOf } from '../../../../src/http/pool/changes-purpose.ts';

const purpose = (path: string, text: string): string => {
  const body = Buffer.from(text);
  return purposeOf(path, body, scanBody(body));
};

describe('a request is there', () => {
  it.each([
    ['answer', '/api/generate', '{"model":"m","prompt":"hi","keep_alive":0}'],
    ['answer', '/api/generate', '{"model":"m","prompt":" "}'],
    ['load', '/api/generate', '{"model":"m"}'],
    ['load', '/api/generate', '{"model":"m","prompt":"","images":["aa"],"suffix":"x"}'],
    ['load', '/api/generate', '{"model":"m","Prompt":null,"keep_alive":"10m"}'],
    ['load', '/api/generate', '{"model":"m","keep_alive":-1}'],
    ['unload', '/api/generate', '{"model":"m","KEEP_ALIVE":0}'],
    ['answer', '/api/chat', '{"model":"m","messages":[{"role":"user","content":""}],"keep_alive":0}'],
    ['load', '/api/chat', '{"model":"m","messages":[]}'],
    ['unload', '/api/chat', '{"model":"m","messages":[ ],"keep_alive":"0"}'],
    ['unload', '/api/chat', '{"model":"m","keep_alive":"0s"}'],
    ['load', '/api/embed', '{"model":"m","input":""}'],
    ['unload', '/api/embed', '{"model":"m","input":[],"keep_alive":0.0}'],
    ['answer', '/api/embed', '{"model":"m","input":[""],"keep_alive":0}'],
    ['unload', '/api/embeddings', '{"model":"m","keep_alive":0}'],
    ['answer', '/v1/chat/completions', '{"model":"m","messages":[],"keep_alive":0}'],
  ])('to %s: %s %s', (expected, path, text) => {
    expect(purpose(path, text)).toBe(expected);
  });

  it.each(['0', '"0"', '"0s"', '"+0m"', '"-0h"', '"0h0.0m0ms"', '".0s"', '0e5', '-0'])(
    'to unload with a keep_alive of %s',
    (keepAlive) => {
      expect(purpose('/api/generate', `{"model":"m","keep_alive":${keepAlive}}`)).toBe('unload');
    },
  );

  it.each(['1', '"1ms"', '"0.1s"', '""', '"s"', '"00"', '"0 s"', '"0x"', 'true', '{}', '[0]', '"."', 'null'])(
    'not to unload with a keep_alive of %s',
    (keepAlive) => {
      expect(purpose('/api/generate', `{"model":"m","keep_alive":${keepAlive}}`)).toBe('load');
    },
  );
});
