import { App } from '../../src/app.ts';
import { formatIssue, parseConfig } from '../../src/config/parse.ts';
import type { Config } from '../../src/config/types.ts';
import { seededRng } from '../../src/core/rng.ts';
import { TASK_CATEGORIES, type Checked, type Log } from '../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';

/** A proxy that runs. */
export interface Front {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly origin: string;
  readonly admin: string;
  /** Makes the next reload find the configuration as it is now. */
  rewrite(): Promise<void>;
  stop(): Promise<void>;
}

/** @param config the text of the configuration as it is to be now, on port 0 of loopback */
export type StartFront = (config: () => string) => Promise<Front>;

const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };

const read = (text: string): Checked<Config> => {
  const parsed = parseConfig(text, { env: {}, strategies: STRATEGY_NAMES, categories: TASK_CATEGORIES });
  return parsed.ok ? { ok: true, value: parsed.value.config } : parsed;
};

/** The whole proxy in this process. @throws on a wrong configuration */
export const inProcess =
  (seed: number): StartFront =>
  async (config) => {
    const first = read(config());
    if (!first.ok) throw new Error(first.issues.map((issue) => formatIssue('configuration', issue)).join('\n'));
    const app = new App({
      config: first.value,
      log: SILENT_LOG,
      rng: seededRng(seed),
      reread: () => Promise.resolve(read(config())),
    });
    const { proxy, admin } = await app.start();
    await app.probed();
    return {
      origin: `http://127.0.0.1:${proxy.port}`,
      admin: `http://127.0.0.1:${admin.port}`,
      rewrite: () => Promise.resolve(),
      stop: () => app.kill(),
    };
  };
