import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendChanges } from '../../../src/config/backend-changes.ts';
import { readBackendEntry } from '../../../src/config/backend-entry.ts';
import { backendText } from '../../../src/config/describe.ts';
import type { BackendConfig } from '../../../src/config/types.ts';

const backend = (name: string, more: object = {}): BackendConfig => {
  const read = readBackendEntry({ name, url: `http://${name}:11434`, ...more }, []);
  if (!read.ok) throw new Error(read.issues[0]?.message);
  return read.value;
};
const namesOf = (changes: BackendChanges, file: readonly BackendConfig[]): readonly string[] =>
  changes.over(file).backends.map(({ name }) => name);

describe('backends that were changed by hand', () => {
  it('are laid over those of the file, in their order, the added ones last', () => {
    const changes = new BackendChanges();
    const file = [backend('a'), backend('b')];
    expect(changes.over(file)).toEqual({ backends: file, dropped: [] });
    changes.add(backend('c'), file);
    changes.remove('a', file);
    expect(namesOf(changes, file)).toEqual(['b', 'c']);
    changes.remove('c', file);
    expect(namesOf(changes, file)).toEqual(['b']);
    changes.add(backend('a', { weight: 3 }), file);
    expect(changes.over(file).backends.map(({ name, weight }) => [name, weight])).toEqual([
      ['b', 1],
      ['a', 3],
    ]);
  });

  it('hold until the file says something else of the name, whichever way', () => {
    const changes = new BackendChanges();
    const file = [backend('a'), backend('b')];
    changes.remove('a', file);
    changes.add(backend('c'), file);
    expect(namesOf(changes, [...file, backend('d')])).toEqual(['b', 'd', 'c']);
    const edited = [backend('a', { weight: 2 }), backend('b'), backend('c', { weight: 9 })];
    const { backends, dropped } = changes.over(edited);
    expect(backends).toEqual(edited);
    expect(dropped.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(changes.save()).toEqual([]);
  });

  it('are dropped where they would not fit beside the file any more', () => {
    const changes = new BackendChanges();
    changes.add(backend('c'), []);
    const file = [backend('other', { url: 'http://c:11434' })];
    const { backends, dropped } = changes.over(file);
    expect(backends).toEqual(file);
    expect(dropped).toEqual([{ name: 'c', why: expect.stringContaining('duplicate URL') }]);
  });

  it('come back as they were saved, whatever they are', () => {
    const names = ['a', 'b', 'c', 'd'] as const;
    const step = fc.record({
      name: fc.constantFrom(...names),
      add: fc.boolean(),
      weight: fc.integer({ min: 1, max: 9 }),
      tls: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const file = [backend('a'), backend('b')];
        const changes = new BackendChanges();
        for (const { name, add, weight, tls } of steps) {
          const more = { weight, ...(tls ? { url: `https://${name}`, tls: { server_name: 'x' } } : {}) };
          if (add) changes.add(backend(name, more), file);
          else changes.remove(name, file);
        }
        const saved: unknown = JSON.parse(JSON.stringify(changes.save()));
        const restored = new BackendChanges();
        expect(restored.restore(saved as Record<string, unknown>[])).toEqual([]);
        expect(restored.over(file).backends.map(backendText)).toEqual(changes.over(file).backends.map(backendText));
      }),
    );
  });

  it('that cannot be read are left out, and said', () => {
    const changes = new BackendChanges();
    const dropped = changes.restore([
      { kind: 'pool' },
      { kind: 'backend-change', name: 7 },
      { kind: 'backend-change', name: 'a', entry: { name: 'a', url: 'nowhere' } },
      { kind: 'backend-change', name: 'a', entry: { name: 'b', url: 'http://b' } },
      { kind: 'backend-change', name: 'c', file: 7 },
      { kind: 'backend-change', name: 'd', entry: { name: 'd', url: 'http://d' } },
    ]);
    expect(dropped.map(({ name }) => name)).toEqual(['7', 'a', 'a', 'c']);
    expect(namesOf(changes, [])).toEqual(['d']);
  });
});
