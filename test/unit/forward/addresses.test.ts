import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressWatch } from '../../../src/forward/addresses.ts';

/** A resolver that knows these names, and notes what it is asked. */
const resolver = (names: Record<string, readonly string[]>) => {
  const asked: string[] = [];
  const lookup: LookupFunction = (host, _options, done) => {
    asked.push(host);
    const found = names[host];
    if (found === undefined) done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    else
      done(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  };
  return { lookup, asked };
};

const watching = (names: Record<string, readonly string[]>) => {
  const moves: unknown[] = [];
  const { lookup, asked } = resolver(names);
  const watch = new AddressWatch({ lookup, moved: (...move) => moves.push(move) });
  return { watch, moves, asked };
};

describe('the addresses of backends', () => {
  it('are looked at by name, never where they are addresses already', async () => {
    const { watch, asked } = watching({ 'gpu-1': ['10.0.0.1'] });
    watch.watch(['gpu-1', '127.0.0.1', '[::1]', 'gpu-1']);
    await watch.look();
    expect(asked).toEqual(['gpu-1']);
  });

  it('have moved when a name leads elsewhere, not when the order changes, nor while it cannot be resolved', async () => {
    const names: Record<string, readonly string[]> = { 'gpu-1': ['10.0.0.1', '::1'] };
    const { watch, moves } = watching(names);
    watch.watch(['gpu-1', 'gpu-2']);
    await watch.look();
    names['gpu-1'] = ['::1', '10.0.0.1'];
    await watch.look();
    delete names['gpu-1'];
    await watch.look();
    names['gpu-2'] = ['10.0.0.9'];
    await watch.look();
    expect(moves).toEqual([]);
    names['gpu-1'] = ['10.0.0.2'];
    await watch.look();
    expect(moves).toEqual([['gpu-1', ['10.0.0.1', '::1'], ['10.0.0.2']]]);
    watch.watch(['gpu-2']);
    names['gpu-1'] = ['10.0.0.3'];
    await watch.look();
    expect(moves).toHaveLength(1);
  });
});
