/**
 * What becomes of a pool that is asked for more than it can give:
 *
 *   npx tsx bench/overload/run.ts [--times N] [--seconds S] [--rounds N]
 *
 * Two simulated servers and the proxy in processes of their own. First as many clients as keep every slot busy, for the
 * peak; then requests at N times that rate, whether or not those before were answered. See bench/README.md.
 */
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMicros, firstUrl, killAll, residentBytes, start } from '../wire/processes.ts';
import { busy, closedLoop, goodput, openLoop, quantile, type Ask, type Offered } from './offer.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const MODEL = 'llama3.2:3b';
const SERVERS = 2;
const SLOTS = 4;
/** A line of some five seconds, so that what `Retry-After` says can be told from its least value. */
const WAITING = 60;
const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
  },
});
const times = Number(values.times);
const durationMs = 1000 * Number(values.seconds);
const rounds = Number(values.rounds);
if (!(times > 0 && durationMs > 0 && Number.isInteger(rounds) && rounds > 0)) {
  throw new Error('--times and --seconds take numbers above 0, --rounds a whole one');
}

const startSim = async (seed: number): Promise<string> => {
  const args = ['--port', '0', '--models', MODEL, '--slots', String(SLOTS), '--seed', String(seed)];
  const child = start(process.execPath, [MAIN, 'sim', ...args], {
    cores: undefined,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return firstUrl(child, 'a simulated server');
};

const startProxy = async (folder: string, urls: readonly string[]): Promise<{ pid: number; origin: string }> => {
  const config = join(mkdtempSync(join(folder, 'config-')), 'proxy.yaml');
  const backends = urls.map((url, i) => ({ name: `s${i}`, url, slots: SLOTS }));
  writeFileSync(
    config,
    [
      'listen: 127.0.0.1:0',
      'admin: { listen: 127.0.0.1:0 }',
      `backends: ${JSON.stringify(backends)}`,
      `queue: { max_waiting: ${WAITING}, shed: false }`,
      'logging: { level: error }',
    ].join('\n'),
  );
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    cores: undefined,
    stdio: ['ignore', 'pipe', openSync(join(folder, 'proxy.log'), 'w')],
  });
  const origin = await firstUrl(child, 'the proxy');
  if (child.pid === undefined) throw new Error('the proxy has no process');
  for (;;) {
    const answer = await fetch(`${origin}/api/tags`);
    if (answer.ok && (await answer.text()).includes(MODEL)) return { pid: child.pid, origin };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

const tell = (offered: readonly Offered[], peak: number): string => {
  const served = offered.filter(({ status, whole }) => status === 200 && whole);
  const refused = offered.filter(({ status }) => status === 503 || status === 429);
  const silent = refused.filter(({ retryAfterS }) => retryAfterS === undefined).length;
  const took = refused.map(({ sentAt, endedAt }) => endedAt - sentAt);
  const promised = quantile(
    refused.flatMap(({ retryAfterS }) => retryAfterS ?? []),
    0.5,
  );
  const waited = served.map(({ queueMs = 0 }) => queueMs);
  return [
    `goodput ${goodput(offered).toFixed(1)}/s = ${((100 * goodput(offered)) / peak).toFixed(0)} % of its peak`,
    `slots busy ${(100 * busy(offered, SERVERS * SLOTS)).toFixed(0)} %`,
    `${served.length} served, ${refused.length} refused (${silent} without Retry-After), ${offered.length - served.length - refused.length} else`,
    `a refusal took p50 ${ms(quantile(took, 0.5))}, p99 ${ms(quantile(took, 0.99))}`,
    `Retry-After p50 ${promised} s; those let in waited p50 ${ms(quantile(waited, 0.5))}, p95 ${ms(quantile(waited, 0.95))}`,
  ].join('\n  ');
};

const main = async (folder: string): Promise<void> => {
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js; run npm run build first');
  const [load = 0] = loadavg();
  console.log(`Node ${process.version}, ${cpus().length} cores, load average ${load.toFixed(1)}`);
  const urls = await Promise.all(Array.from({ length: SERVERS }, (_, i) => startSim(i + 1)));
  const { pid, origin } = await startProxy(folder, urls);
  const ask: Ask = { origin, model: MODEL };
  const clients = 2 * SERVERS * SLOTS;
  await closedLoop(ask, clients, 5_000);
  const peak = goodput(await closedLoop(ask, clients, durationMs));
  console.log(
    `peak ${peak.toFixed(1)}/s with ${clients} clients, ${(residentBytes(pid) / MIB).toFixed(0)} MiB resident`,
  );
  for (let round = 1; round <= rounds; round++) {
    const spent = cpuMicros(pid);
    const offered = await openLoop(ask, times * peak, durationMs);
    const cpu = ((cpuMicros(pid) - spent) / offered.length).toFixed(0);
    const resident = (residentBytes(pid) / MIB).toFixed(0);
    console.log(
      `round ${round}, ${times} × the peak offered:\n  ${tell(offered, peak)}\n  ${cpu} µs of CPU for each offered, ${resident} MiB resident`,
    );
  }
};

const folder = mkdtempSync(join(tmpdir(), 'bench-overload-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(`bench/overload failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  killAll();
}
