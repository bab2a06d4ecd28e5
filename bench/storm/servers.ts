import type { ChildProcess } from 'node:child_process';
import type { Fleet, ServerSpec } from '../sim/fleets.ts';
import { startScript, stop } from '../wire/processes.ts';
import type { FleetReply, ServerPlan } from './fleet-process.ts';

/** What the servers of a fleet did so far, summed. */
export interface Done {
  readonly loads: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** Simulated servers over HTTP, fresh, in a process of their own. */
export interface RunningFleet {
  /** In the order of the fleet. */
  readonly urls: readonly string[];
  done(): Promise<Done>;
  stop(): Promise<void>;
}

/** ms for a process of this machine to answer; it starts TypeScript first. */
const READY_MS = 30_000;

const nextReply = (child: ChildProcess): Promise<FleetReply> =>
  new Promise((resolve, reject) => {
    const settle = (run: () => void): void => {
      clearTimeout(timer);
      child.off('message', answered).off('exit', ended);
      run();
    };
    const answered = (reply: FleetReply): void => settle(() => resolve(reply));
    const ended = (): void => settle(() => reject(new Error('the process of the simulated servers has ended')));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`the simulated servers said nothing for ${READY_MS} ms`))),
      READY_MS,
    );
    child.on('message', answered).on('exit', ended);
  });

/** Loads every model, one after the other, with the context that the requests will ask for. */
const warmUp = async (url: string, { models, contextTokens }: ServerSpec): Promise<void> => {
  for (const { name } of models) {
    const body = JSON.stringify({ model: name, options: { num_ctx: contextTokens } });
    const answer = await fetch(`${url}/api/generate`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`${url} did not load ${name}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
};

/**
 * @param warm every server has every model in memory when this resolves
 * @throws when the servers do not come up within half a minute
 */
export const startFleet = async (fleet: Fleet, warm: boolean): Promise<RunningFleet> => {
  const plans = fleet.servers.map(({ id, profile, slots, reuse, version, models }): ServerPlan => ({
    name: id,
    profile,
    slots,
    reuse,
    version,
    models: models.map((model) => model.name),
  }));
  const child = startScript('../storm/fleet-process.ts', [JSON.stringify(plans)], undefined);
  const { urls } = await nextReply(child);
  if (warm) await Promise.all(fleet.servers.map((server, index) => warmUp(urls[index] ?? '', server)));
  return {
    urls,
    async done() {
      const reply = nextReply(child);
      child.send('done');
      return (await reply).done;
    },
    stop: () => stop(child),
  };
};
