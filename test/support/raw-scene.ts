import { onTestFinished } from 'vitest';
import { startProxy, type TestProxy } from './proxy.ts';
import { RawBackend, type RawScript } from './raw-backend.ts';
import { RawClient } from './raw-client.ts';

export interface RawSceneOptions {
  readonly count?: number;
  /** More keys of the configuration, as YAML. */
  readonly config?: string;
  readonly script?: RawScript;
}

export interface RawScene {
  readonly proxy: TestProxy;
  readonly backends: readonly RawBackend[];
  /** The first of them. */
  readonly backend: RawBackend;
  /** A connection to the proxy. */
  connect(): RawClient;
  /** Ends all of it. */
  stop(): Promise<void>;
}

/** A proxy in front of `count` raw backends, for several tests: whoever opens it stops it. */
export const openRawScene = async ({ count = 1, config = '', script }: RawSceneOptions = {}): Promise<RawScene> => {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, i) => new RawBackend(`b${i}`, script === undefined ? {} : { script }).listen()),
  );
  const [backend] = backends;
  if (backend === undefined) throw new RangeError('a scene needs a backend');
  const proxy = await startProxy({
    backends: backends.map(({ name, url }) => ({ name, url })),
    config: `routing: { strategy: round-robin }\nhealth: { interval: 10m }\n${config}`,
  });
  const clients = new Set<RawClient>();
  return {
    proxy,
    backends,
    backend,
    connect: () => {
      const client = new RawClient(proxy.port);
      clients.add(client);
      void client.closed.then(() => clients.delete(client));
      return client;
    },
    stop: async () => {
      for (const client of clients) client.destroy();
      await proxy.stop();
      for (const each of backends) await each.close();
    },
  };
};

/** The same for one test, with which it ends. */
export const startRawScene = async (options?: RawSceneOptions): Promise<RawScene> => {
  const scene = await openRawScene(options);
  onTestFinished(() => scene.stop());
  return scene;
};
