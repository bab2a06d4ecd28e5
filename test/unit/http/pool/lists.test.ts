import { describe, expect, it } from 'vitest';
import {
  digestSkew,
  lowestVersion,
  mergePs,
  mergeTags,
  openaiModels,
  type Entry,
} from '../../../../src/http/pool/lists.ts';

const tag = (name: string, modified: string, extra: Entry = {}): Entry => ({
  name,
  model: name,
  modified_at: modified,
  size: 10,
  digest: 'd1',
  ...extra,
});

describe('merged lists', () => {
  it('unites by name without case and default tag, newest entry first and newest one kept', () => {
    const merged = mergeTags(
      [
        { backend: 'a', entries: [tag('M:latest', '2026-01-01T00:00:00Z'), tag('x:1b', '2026-01-03T00:00:00Z')] },
        { backend: 'b', entries: [tag('m:latest', '2026-01-02T00:00:00+01:00', { size: 11 })] },
      ],
      [],
    );
    expect(merged.map(({ name, size }) => [name, size])).toEqual([
      ['x:1b', 10],
      ['m:latest', 11],
    ]);
  });

  it('orders entries of one second by name', () => {
    const merged = mergeTags(
      [{ backend: 'a', entries: [tag('b:1', '2026-01-01T00:00:00.9Z'), tag('a:1', '2026-01-01T00:00:00.1Z')] }],
      [],
    );
    expect(merged.map(({ name }) => name)).toEqual(['a:1', 'b:1']);
  });

  it('lists a virtual model with the entry of its first candidate that is there, and none when none is', () => {
    const listings = [{ backend: 'a', entries: [tag('real:7b', '2026-01-01T00:00:00Z', { capabilities: ['tools'] })] }];
    const merged = mergeTags(listings, [
      { name: 'auto', of: ['absent', 'real:7b'] },
      { name: 'ghost', of: ['absent'] },
    ]);
    expect(merged.map(({ name, capabilities }) => [name, capabilities])).toEqual([
      ['auto:latest', ['tools']],
      ['real:7b', ['tools']],
    ]);
  });

  it('keeps members that it does not know', () => {
    const [entry] = mergeTags([{ backend: 'a', entries: [tag('m:1', '2026-01-01T00:00:00Z', { novelty: 7 })] }], []);
    expect(entry?.['novelty']).toBe(7);
  });

  it('reports a name whose digests differ, with who has which', () => {
    const listings = [
      { backend: 'a', entries: [tag('m:1', '', { digest: 'd1' }), tag('same:1', '')] },
      { backend: 'b', entries: [tag('m:1', '', { digest: 'd2' }), tag('same:1', '')] },
    ];
    expect(digestSkew(listings)).toEqual([
      {
        model: 'm:1',
        digests: [
          { backend: 'a', digest: 'd1' },
          { backend: 'b', digest: 'd2' },
        ],
      },
    ]);
  });

  it('adds up the memory of a model that is loaded twice and gives the smaller context', () => {
    const loaded = (expires: string, context: number): Entry => ({
      name: 'm:1',
      size: 5,
      size_vram: 4,
      expires_at: expires,
      context_length: context,
    });
    expect(
      mergePs([
        { backend: 'a', entries: [loaded('2026-01-01T00:05:00Z', 8192)] },
        { backend: 'b', entries: [loaded('2026-01-01T00:09:00Z', 4096)] },
      ]),
    ).toEqual([{ name: 'm:1', size: 10, size_vram: 8, expires_at: '2026-01-01T00:09:00Z', context_length: 4096 }]);
  });

  it('gives null for no models in the OpenAI shape, and the namespace as owner', () => {
    expect(openaiModels([])).toEqual({ object: 'list', data: null });
    expect(openaiModels([tag('hf.co/someone/m:Q4', '2026-01-01T00:00:00Z')])).toEqual({
      object: 'list',
      data: [{ id: 'hf.co/someone/m:Q4', object: 'model', created: 1767225600, owned_by: 'someone' }],
    });
  });

  it('takes the lowest version, number by number', () => {
    expect(lowestVersion(['0.32.15', '0.9.2', '', '0.33.0-rc2'])).toBe('0.9.2');
    expect(lowestVersion([''])).toBeUndefined();
  });
});
