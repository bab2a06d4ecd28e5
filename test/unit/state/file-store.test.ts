import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileStore } from '../../../src/state/file.ts';
import { MemoryStore } from '../../../src/state/memory.ts';
import { openStore } from '../../../src/state/open.ts';
import type { StateEntry } from '../../../src/state/store.ts';
import { LogBook } from '../../support/log-book.ts';

const NOON = Date.UTC(2026, 5, 1, 12);

let folder: string;
let path: string;
let log: LogBook;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-state-'));
  path = join(folder, 'deeper', 'router.json');
  log = new LogBook();
});
afterEach(() => rm(folder, { recursive: true }));

const entry = (kind: string, more: object = {}, ageMs = 0): StateEntry => ({ ageMs, record: { kind, ...more } });
const storeAt = (wall = NOON, maxBytes?: number): FileStore =>
  new FileStore({ path, log, wall: () => wall, ...(maxBytes === undefined ? {} : { maxBytes }) });

describe('a state file', () => {
  it('gives back what was saved last, and how long that is ago', async () => {
    await storeAt().save([entry('old')]);
    const { bytes } = await storeAt().save([entry('a', { n: 1 }), entry('b', { text: 'ü' })]);
    expect(bytes).toBe((await stat(path)).size);
    const loaded = await storeAt(NOON + 5_000).load();
    expect(loaded).toEqual({
      awayMs: 5_000,
      records: [
        { kind: 'a', n: 1 },
        { kind: 'b', text: 'ü' },
      ],
    });
  });

  it('was saved just now where the clock has gone back since', async () => {
    await storeAt().save([entry('a')]);
    expect((await storeAt(NOON - 60_000).load())?.awayMs).toBe(0);
  });

  it('is nothing at the first start', async () => {
    expect(await storeAt().load()).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  it('can be read by nobody else, and leaves nothing beside it', async () => {
    await storeAt().save([entry('a')]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deeper'))).toEqual(['router.json']);
  });

  it('leaves out what was used longest ago when there is not room for all', async () => {
    const entries = [5, 1, 4, 2, 3].map((age) => entry('x', { age }, age));
    const line = '{"kind":"x","age":1}\n'.length;
    expect(await storeAt(NOON, 3 * line).save(entries)).toMatchObject({ dropped: 2 });
    expect((await storeAt().load())?.records.map(({ age }) => age)).toEqual([1, 2, 3]);
  });

  it.each([
    ['damaged', '{"format":"ollama-task-router state","version":1}\n{"kind":"a"}\n'],
    ['foreign', 'hello: world\n'],
  ])('that is %s is put aside with its name and the time, and said', async (_, text) => {
    await mkdir(join(folder, 'deeper'));
    await writeFile(path, text);
    expect(await storeAt().load()).toBeUndefined();
    const aside = `${path}.damaged-20260601T120000Z`;
    expect(await readFile(aside, 'utf8')).toBe(text);
    expect(log.events('state-damaged')).toMatchObject([{ level: 'error', fields: { path, aside } }]);
    await storeAt().save([entry('a')]);
    expect((await storeAt().load())?.records).toEqual([{ kind: 'a' }]);
  });

  it('that cannot be read costs what was learned and nothing else', async () => {
    await mkdir(path, { recursive: true });
    expect(await storeAt().load()).toBeUndefined();
    expect(log.events('state-unreadable')).toMatchObject([{ level: 'warn', fields: { path } }]);
    await expect(storeAt().save([entry('a')])).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(join(folder, 'deeper'))).toEqual(['router.json']);
  });

  it('is as it was after a write that failed', async () => {
    await storeAt().save([entry('a')]);
    const failing = (function* (): Generator<StateEntry> {
      yield entry('b');
      throw new Error('no more');
    })();
    await expect(storeAt().save(failing)).rejects.toThrow('no more');
    expect((await storeAt().load())?.records).toEqual([{ kind: 'a' }]);
    expect(await readdir(join(folder, 'deeper'))).toEqual(['router.json']);
  });

  // The superuser may write anywhere.
  it.skipIf(process.getuid?.() === 0)('says what the system says when its folder cannot be written', async () => {
    await mkdir(join(folder, 'deeper'));
    await chmod(join(folder, 'deeper'), 0o500);
    await expect(storeAt().save([entry('a')])).rejects.toThrow('EACCES');
    await chmod(join(folder, 'deeper'), 0o700);
  });

  it('clears away what killed processes left long ago, and nothing else', async () => {
    const beside = join(folder, 'deeper');
    await mkdir(beside);
    const names = [
      'router.json.0123456789ab.tmp',
      'router.json.ba9876543210.tmp',
      'router.json.notes.tmp',
      'other.tmp',
    ];
    for (const name of names) await writeFile(join(beside, name), '');
    for (const name of names) {
      if (!name.includes('ba98')) await utimes(join(beside, name), NOON / 1000 - 3600, NOON / 1000 - 3600);
      else await utimes(join(beside, name), NOON / 1000, NOON / 1000);
    }
    await storeAt().load();
    expect((await readdir(beside)).toSorted()).toEqual(names.slice(1).toSorted());
  });

  it('lets others work while much of it is written', async () => {
    let turns = 0;
    let going = true;
    const turn = (): void => {
      turns++;
      if (going) setImmediate(turn);
    };
    const entries = (function* (): Generator<StateEntry> {
      for (let i = 0; i < 20_000; i++) yield entry('runner', { i, text: 'x'.repeat(200) });
    })();
    turn();
    await storeAt().save(entries);
    going = false;
    expect(turns).toBeGreaterThan(2);
  });
});

describe('state in memory', () => {
  it('is kept nowhere, and asks for nothing to keep', async () => {
    const store = openStore({ kind: 'memory', path }, log);
    expect(store).toBeInstanceOf(MemoryStore);
    const never = (function* (): Generator<StateEntry> {
      yield expect.fail('somebody asked');
    })();
    expect(await store.save(never)).toEqual({ bytes: 0, dropped: 0 });
    expect(await store.load()).toBeUndefined();
  });
});
