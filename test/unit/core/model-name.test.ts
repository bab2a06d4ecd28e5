import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCloudName, modelKey, withTag } from '../../../src/core/model-name.ts';

describe('the key of a model name', () => {
  it.each([
    ['llama3', 'llama3:latest'],
    [' Llama3 ', 'llama3:latest'],
    ['LLAMA3:8B-Instruct', 'llama3:8b-instruct'],
    ['library/llama3', 'llama3:latest'],
    ['registry.ollama.ai/library/llama3:latest', 'llama3:latest'],
    ['Registry.Ollama.AI/Library/Llama3:8b', 'llama3:8b'],
    ['https://registry.ollama.ai/library/llama3', 'llama3:latest'],
    ['registry.ollama.ai/mattw/pygmalion', 'mattw/pygmalion:latest'],
    ['mattw/pygmalion:7b', 'mattw/pygmalion:7b'],
    ['hf.co/User/Repo-GGUF:Q4_K_M', 'hf.co/user/repo-gguf:q4_k_m'],
    ['hf.co/user/repo', 'hf.co/user/repo:latest'],
    ['hf.co/library/repo', 'hf.co/library/repo:latest'],
    ['localhost:5000/library/llama3', 'localhost:5000/library/llama3:latest'],
    ['localhost:5000/team/llama3:1b', 'localhost:5000/team/llama3:1b'],
    ['registry.ollama.ai/llama3', 'registry.ollama.ai/llama3:latest'],
    ['llama3:local', 'llama3:latest'],
    ['llama3:8b:LOCAL', 'llama3:8b'],
    ['gpt-oss:cloud', 'gpt-oss:cloud'],
    ['gpt-oss:120b-Cloud', 'gpt-oss:120b-cloud'],
    ['gpt-oss:120b:cloud', 'gpt-oss:120b-cloud'],
    ['', ':latest'],
  ])('of %s is %s', (name, key) => {
    expect(modelKey(name)).toBe(key);
  });

  it('is its own key', () => {
    const part = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,10}$/);
    const name = fc
      .record({
        host: fc.option(fc.oneof(part, fc.constantFrom('hf.co', 'localhost:5000', 'registry.ollama.ai'))),
        namespace: fc.option(fc.oneof(part, fc.constant('library'))),
        model: part,
        tag: fc.option(fc.oneof(part, fc.constantFrom('latest', 'cloud', '7b-cloud', '7b:cloud', '7b:local'))),
      })
      .map(({ host, namespace, model, tag }) =>
        [host === null || namespace === null ? [] : [host], namespace ?? [], tag === null ? model : `${model}:${tag}`]
          .flat()
          .join('/'),
      );
    fc.assert(
      fc.property(name, (given) => {
        const key = modelKey(given);
        expect(modelKey(key)).toBe(key);
        expect(modelKey(given.toUpperCase())).toBe(key);
      }),
    );
  });
});

describe('a cloud name', () => {
  it.each(['gpt-oss:cloud', 'gpt-oss:120b-cloud', 'GPT-OSS:120B-CLOUD', 'gpt-oss:120b:cloud', ' kimi:1t-cloud '])(
    'is %s',
    (name) => {
      expect(isCloudName(name)).toBe(true);
      expect(isCloudName(modelKey(name))).toBe(true);
    },
  );

  it.each(['gpt-oss', 'nimbus-cloud', 'my-cloud/model', 'host:5000/x-cloud', 'gpt-oss:cloudy', 'm:8b:local', ''])(
    'is not %s',
    (name) => {
      expect(isCloudName(name)).toBe(false);
    },
  );
});

describe('a listed name', () => {
  it.each([
    ['auto', 'auto:latest'],
    ['auto:fast', 'auto:fast'],
    ['localhost:5000/team/auto', 'localhost:5000/team/auto:latest'],
  ])('of %s is %s', (name, listed) => {
    expect(withTag(name)).toBe(listed);
  });
});
