import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Front } from '../chaos/front.ts';
import { start, stop } from '../wire/processes.ts';
import { INSIDE } from './inside.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const READY_MS = 30_000;

/** The first URLs that a process prints for these words. */
const urlsOf = (child: ChildProcess, words: readonly RegExp[]): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const found = new Map<RegExp, string>();
    const timer = setTimeout(() => reject(new Error(`the proxy was not ready within ${READY_MS} ms`)), READY_MS);
    child.once('exit', (code) => reject(new Error(`the proxy ended with code ${code} before it was ready`)));
    if (child.stdout === null) throw new Error('the proxy has no stdout');
    createInterface(child.stdout).on('line', (line) => {
      for (const word of words) {
        const url = word.exec(line)?.[1];
        if (url !== undefined && !found.has(word)) found.set(word, url);
      }
      if (found.size < words.length) return;
      clearTimeout(timer);
      resolve(words.map((word) => found.get(word) ?? ''));
    });
  });

const LOOK_MS = 50;

/** Resolves once every backend was looked at. */
const looked = async (admin: string): Promise<void> => {
  for (const until = performance.now() + READY_MS; performance.now() < until;) {
    const answer = await fetch(`${admin}/admin/v1/backends`);
    const { backends } = (await answer.json()) as { backends: readonly { readonly health: string }[] };
    if (backends.every(({ health }) => health !== 'unknown')) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`the proxy has not looked at every backend within ${READY_MS} ms`);
};

/** The built proxy in a process of its own that can be asked how it is. @param folder for its configuration and log */
export const ownProcess = async (
  folder: string,
  config: () => string,
  started: (child: ChildProcess) => void,
): Promise<Front> => {
  // The proxy watches the folder of its configuration, so the log is somewhere else.
  const file = join(mkdtempSync(join(folder, 'config-')), 'proxy.yaml');
  const rewrite = (): Promise<void> => {
    // In one step: a reload must never read half of it.
    const next = join(folder, 'next.yaml');
    writeFileSync(next, config());
    renameSync(next, file);
    return Promise.resolve();
  };
  await rewrite();
  const child = start(process.execPath, [...INSIDE, MAIN, 'serve', '--config', file], {
    cores: undefined,
    stdio: ['ignore', 'pipe', openSync(join(folder, 'proxy.log'), 'w'), 'ipc'],
  });
  const [origin = '', admin = ''] = await urlsOf(child, [
    /proxy\D*(http:\/\/[\d.]+:\d+)/i,
    /admin\D*(http:\/\/[\d.]+:\d+)/i,
  ]);
  await looked(admin);
  started(child);
  return { origin, admin, rewrite, stop: () => stop(child) };
};
