import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startSim, type SimOptions, type SimServer } from '../../src/sim/http/server.ts';
import { configText, startProxy, type TestProxy } from './proxy.ts';

export interface AutoPool {
  readonly proxy: TestProxy;
  readonly sims: readonly SimServer[];
}

/**
 * Simulated servers and a proxy that has to find out their slots. Whatever is in memory when it starts was loaded past it.
 * @param loaded a model that every server has in memory from the start
 */
export const startAutoPool = async (
  members: readonly (SimOptions & { readonly name: string })[],
  { config = '', loaded }: { readonly config?: string; readonly loaded?: string } = {},
): Promise<AutoPool> => {
  const sims = await Promise.all(members.map((options) => startSim(options)));
  onTestFinished(async () => {
    for (const sim of sims) await sim.close();
  });
  if (loaded !== undefined) await Promise.all(sims.map((sim) => loadPast(sim, loaded)));
  const folder = await mkdtemp(join(tmpdir(), 'router-auto-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'router.yaml');
  const backends = members.map(({ name }, i) => ({ name, url: sims[i]?.url, slots: 'auto' }));
  const text = configText({ config }).replace('backends: []', `backends: ${JSON.stringify(backends)}`);
  await writeFile(file, text);
  const proxy = await startProxy({ file });
  onTestFinished(() => proxy.stop());
  return { proxy, sims };
};

/** Brings a model into memory as a client does who goes past the proxy. */
export const loadPast = async (sim: SimServer, model: string): Promise<void> => {
  const answer = await fetch(`${sim.url}/api/generate`, { method: 'POST', body: JSON.stringify({ model }) });
  await answer.text();
};
