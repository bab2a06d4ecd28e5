import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRng } from '../../src/core/rng.ts';
import { FileStore } from '../../src/state/file.ts';
import { LogBook } from '../support/log-book.ts';

/** STATE_KILLS=200 npx vitest run test/integration/state-kill.test.ts */
const KILLS = Number(process.env['STATE_KILLS'] ?? 50);
/** Longer than one write takes, so that a kill may hit any of its steps. */
const MOST_MS = 40;

let folder: string;
let writer: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-kill-'));
  const ssr = fileURLToPath(new URL('../support/state-writer.ts', import.meta.url));
  const rollupOptions = { output: { entryFileNames: 'writer.mjs' } };
  await build({
    configFile: false,
    logLevel: 'silent',
    build: { ssr, outDir: folder, emptyOutDir: false, minify: false, target: 'node20', rollupOptions },
  });
  writer = join(folder, 'writer.mjs');
});
afterAll(() => rm(folder, { recursive: true }));

describe('a process that is killed while it writes state', () => {
  it(
    `leaves a whole file each of ${KILLS} times, no older than the last write that was done`,
    async () => {
      const rng = seededRng(11);
      const path = join(folder, 'state', 'router.json');
      let done = -1;
      for (let kill = 0; kill < KILLS; kill++) {
        const child = spawn(process.execPath, [writer, path, String(done + 1)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const ended = once(child, 'exit');
        let said = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => void (said += text));
        await once(child.stdout, 'data');
        await sleep(rng.next() * MOST_MS);
        child.kill('SIGKILL');
        expect((await ended)[1]).toBe('SIGKILL');
        done = Number(said.trimEnd().split('\n').at(-1));

        const log = new LogBook();
        const loaded = await new FileStore({ path, log }).load();
        expect(log.events('state-damaged')).toEqual([]);
        const [first] = loaded?.records ?? [];
        expect(Number(first?.['write'])).toBeGreaterThanOrEqual(done);
        expect(loaded?.records).toHaveLength(Number(first?.['count']));
        expect(new Set(loaded?.records.map(({ write }) => write)).size).toBe(1);
        done = Number(first?.['write']);
      }
      // The test has seen kills in the middle of a write: they leave their temporary files behind.
      const left = (await readdir(join(folder, 'state'))).filter((name) => name.endsWith('.tmp'));
      expect(left.length).toBeGreaterThan(0);
    },
    120_000 + KILLS * 2_000,
  );
});
