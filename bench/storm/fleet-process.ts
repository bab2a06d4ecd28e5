/** Simulated servers by the plans in the first argument. Tells its parent where they are, and on any message what they did. */
import { startSim, type SimOptions } from '../../src/sim/http/server.ts';
import type { Done } from './servers.ts';
import { SERVER_LENGTH } from './text.ts';

export type ServerPlan = Required<Pick<SimOptions, 'name' | 'profile' | 'slots' | 'reuse' | 'version' | 'models'>>;

export interface FleetReply {
  readonly urls: readonly string[];
  readonly done: Done;
}

const plans = JSON.parse(process.argv[2] ?? '[]') as readonly ServerPlan[];
const servers = await Promise.all(plans.map((plan) => startSim({ ...plan, outputTokens: SERVER_LENGTH })));

const done = (): Done => {
  const sum = { loads: 0, promptTokens: 0, cachedTokens: 0 };
  for (const server of servers) {
    const { counters } = server.state();
    sum.loads += counters.loads;
    sum.promptTokens += counters.promptTokens;
    sum.cachedTokens += counters.cachedTokens;
  }
  return sum;
};

const reply = (): void => void process.send?.({ urls: servers.map(({ url }) => url), done: done() });

process.on('message', reply);
process.once('disconnect', () => process.exit());
reply();
