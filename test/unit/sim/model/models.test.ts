import { describe, expect, it } from 'vitest';
import { Library } from '../../../../src/sim/model/library.ts';
import { DEFAULT_MODELS, installModel } from '../../../../src/sim/model/models.ts';
import { automaticContext, profiles } from '../../../../src/sim/model/profile.ts';

describe('installed models', () => {
  it('are found by every spelling that Ollama takes for the same name', () => {
    const library = new Library(['llama3.2']);
    for (const name of ['llama3.2', 'LLAMA3.2:latest', 'registry.ollama.ai/library/llama3.2', ' library/llama3.2 ']) {
      expect(library.find(name)?.name).toBe('llama3.2:latest');
    }
    expect(library.find('llama3.2:1b')).toBeUndefined();
  });

  it('are the same on every server, digest included', () => {
    expect(installModel('own-model:13b', 0)).toEqual(installModel('Own-Model:13b', 0));
    expect(installModel('own-model:13b', 0).digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('have the size that their tag tells when nobody knows them', () => {
    expect(installModel('own:13b', 0)).toMatchObject({ size: 7.8e9, parameterSize: '13.0B' });
    expect(installModel('own:270m', 0)).toMatchObject({ size: 0.27 * 6e8, parameterSize: '270.00M' });
    expect(installModel('own', 0).parameterSize).toBe('3.0B');
  });

  it('cover chat, code, thinking, vision and embedding by default', () => {
    const abilities = new Set(DEFAULT_MODELS.flatMap((name) => installModel(name, 0).capabilities));
    expect([...abilities].sort()).toEqual(['completion', 'embedding', 'insert', 'thinking', 'tools', 'vision']);
  });

  it('keep weights and digest in a copy, and only the weights in a derived one', () => {
    const library = new Library(['llama3.2']);
    const source = installModel('llama3.2', 0);
    expect(library.copy(source, 'same', 1)).toMatchObject({ weights: source.weights, digest: source.digest });
    const derived = library.derive(source, 'terse', 'Be terse.', 2);
    expect(derived).toMatchObject({ weights: source.weights, system: 'Be terse.', parent: 'llama3.2:latest' });
    expect(derived.digest).not.toBe(source.digest);
  });
});

describe('the automatic context', () => {
  it('follows the video memory', () => {
    expect(automaticContext(profiles['fast-gpu'])).toBe(32_768);
    expect(automaticContext(profiles['slow-gpu'])).toBe(4096);
    expect(automaticContext(profiles.cpu)).toBe(4096);
    expect(automaticContext({ ...profiles['fast-gpu'], memoryBytes: 48 * 2 ** 30 })).toBe(262_144);
  });
});
