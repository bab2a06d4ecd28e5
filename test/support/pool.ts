import { Ollama } from 'ollama';
import { onTestFinished } from 'vitest';
import { startSim, type SimOptions, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from './proxy.ts';

/** One simulated server of a pool. */
export interface Member extends SimOptions {
  readonly name: string;
  readonly weight?: number;
  readonly slots?: number;
  readonly tags?: readonly string[];
}

export interface Pool {
  readonly proxy: TestProxy;
  /** The simulated server of this name. */
  sim(name: string): SimServer;
  /** Which servers have the model, in the order of the pool. */
  holders(model: string): readonly string[];
  /** Requests to this route, `POST /api/pull`, by server; servers that got none are left out. */
  asked(route: string): Readonly<Record<string, number>>;
}

/** Starts simulated servers and a proxy in front of them; all of it ends with the test. */
export const startPool = async (members: readonly Member[], config = ''): Promise<Pool> => {
  const sims = new Map<string, SimServer>();
  for (const { weight: _, slots: __, tags: ___, ...options } of members) {
    const sim = await startSim({ timeScale: 0.01, models: [], pullBytesPerSecond: 1e11, ...options });
    sims.set(options.name, sim);
    onTestFinished(() => sim.close());
  }
  const at = (name: string): SimServer => {
    const sim = sims.get(name);
    if (sim === undefined) throw new RangeError(`there is no server ${name}`);
    return sim;
  };
  const backends = members.map(({ name, weight, slots, tags }) => ({
    name,
    url: at(name).url,
    ...(weight === undefined ? {} : { weight }),
    ...(slots === undefined ? {} : { slots }),
    ...(tags === undefined ? {} : { tags }),
  }));
  const proxy = await startProxy({ backends, config });
  onTestFinished(() => proxy.stop());
  return {
    proxy,
    sim: at,
    holders: (model) => [...sims].filter(([, sim]) => sim.models().includes(model)).map(([name]) => name),
    asked: (route) => {
      const counts = [...sims].map(([name, sim]) => [name, sim.state().requests.byRoute[route] ?? 0] as const);
      return Object.fromEntries(counts.filter(([, count]) => count > 0));
    },
  };
};

/** The lines of a progress stream. */
export const linesOf = (body: string): readonly Readonly<Record<string, unknown>>[] =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** What the log says of the change that the request with this id made, once it has. */
export const changeOf = async ({ proxy }: Pool, id = 'r1'): Promise<Readonly<Record<string, unknown>>> =>
  (await proxy.log.line(({ fields }) => fields['event'] === 'model-change' && fields['requestId'] === id)).fields;

/** The names that the stock client lists. */
export const listedBy = async ({ proxy }: Pool): Promise<readonly string[]> => {
  const { models } = await new Ollama({ host: proxy.url }).list();
  return models.map(({ name }) => name);
};
