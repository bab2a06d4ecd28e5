import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../../src/config/load.ts';
import { watchFile } from '../../../src/config/watch.ts';
import { contextWith } from './context.ts';

let folder: string;
const cleanups: (() => void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-config-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await rm(folder, { recursive: true });
});

/** Watches a file; `next` settles with the next call back. */
const watching = (path: string): { next(): Promise<void>; count(): number } => {
  let calls = 0;
  let wake = (): void => {};
  let due = new Promise<void>((resolve) => (wake = resolve));
  const watcher = watchFile(path, () => {
    calls += 1;
    wake();
  });
  cleanups.push(() => watcher.stop());
  return {
    count: () => calls,
    async next() {
      await due;
      due = new Promise<void>((resolve) => (wake = resolve));
    },
  };
};

describe('loading a file', () => {
  it('gives its configuration', async () => {
    const file = join(folder, 'a.yaml');
    await writeFile(file, 'workers: 1\n');
    expect(await loadConfigFile(file, contextWith())).toMatchObject({ ok: true, value: { warnings: [] } });
  });

  it('tells why it cannot be read', async () => {
    const binary = join(folder, 'binary.yaml');
    await writeFile(binary, Buffer.from([0x61, 0xff, 0xfe]));
    const messages = await Promise.all(
      [join(folder, 'none.yaml'), folder, binary].map(async (path) => {
        const loaded = await loadConfigFile(path, contextWith());
        return loaded.ok ? [] : loaded.issues.map(({ line, column, message }) => `${line}:${column}: ${message}`);
      }),
    );
    expect(messages).toEqual([
      ['1:1: the configuration file cannot be read: there is no such file'],
      ['1:1: the configuration file cannot be read: it is a folder'],
      ['1:1: the configuration file cannot be read: it is not UTF-8 text'],
    ]);
  });
});

describe('watching a file', () => {
  it('notices writing in place, and replacing by a rename time after time', async () => {
    const file = join(folder, 'a.yaml');
    await writeFile(file, '1');
    const watched = watching(file);
    await writeFile(file, '22');
    await watched.next();
    for (const content of ['333', '4444']) {
      await writeFile(join(folder, 'new'), content);
      await rename(join(folder, 'new'), file);
      await watched.next();
    }
    expect(watched.count()).toBeGreaterThanOrEqual(3);
  });

  it('calls back once for a file that was taken away and put back, and not for its neighbours', async () => {
    const file = join(folder, 'a.yaml');
    await writeFile(file, '1');
    const watched = watching(file);
    await writeFile(join(folder, 'neighbour.yaml'), 'x');
    await writeFile(join(folder, 'next'), '22');
    await rename(file, join(folder, 'a.yaml~'));
    await rename(join(folder, 'next'), file);
    await watched.next();
    expect(watched.count()).toBe(1);
  });

  it('notices that a link on the way to the file leads elsewhere', async () => {
    for (const [name, content] of [
      ['one', '1'],
      ['two', '22'],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'a.yaml'), content);
    }
    await symlink('one', join(folder, '..data'));
    await symlink(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
    const watched = watching(join(folder, 'a.yaml'));
    await symlink('two', join(folder, '..next'));
    await rename(join(folder, '..next'), join(folder, '..data'));
    await watched.next();
    expect(watched.count()).toBe(1);
  });

  it('waits for a file, and its folder, that are not there yet', async () => {
    const watched = watching(join(folder, 'later', 'a.yaml'));
    await mkdir(join(folder, 'later'));
    await writeFile(join(folder, 'later', 'a.yaml'), '1');
    await watched.next();
    expect(watched.count()).toBe(1);
  });
});
