import { KeyRing } from '../../src/auth/key-ring.ts';
import { momentOf } from '../../src/auth/ledger.ts';
import { withoutCredentials } from '../../src/auth/credentials.ts';
import { digestOf, newKey } from '../../src/auth/digest.ts';
import type { KeyRule } from '../../src/core/key-rule.ts';

/**
 * What an API key costs a request: to find it by its hash, to take its credentials out of the headers, to hold it against
 * four limits, to tell the client what is left, and to count what it took. Prints microseconds of CPU time per request,
 * the median of several rounds, for a few and for many keys, and for keys that are refused.
 *
 * npx tsx bench/micro/auth.ts
 */

const ROUNDS = 15;
const REQUESTS = 20_000;
/** The clock goes on by this much per request, so that logs are as full as under a steady load. */
const STEP_MS = 1;
const NOON = 20_000.5 * 86_400_000;

const ruleOf = (index: number, key: string, requestsPerMinute: number): KeyRule => ({
  name: `key-${index}`,
  hash: digestOf(key).toString('hex'),
  tenant: `tenant-${index % 7}`,
  class: 'normal',
  models: ['qwen*', 'llama3*'],
  routes: ['inference', 'models:read'],
  limits: { requestsPerMinute, concurrent: 100, tokensPerMinute: 1e9, tokensPerDay: 1e12 },
  allowPin: false,
  notAfter: undefined,
});

const headersOf = (key: string): readonly string[] =>
  [
    ['Host', 'router:11435'],
    ['User-Agent', 'OpenAI/JS 6.49.0'],
    ['Accept', 'application/json'],
    ['Authorization', `Bearer ${key}`],
    ['Content-Type', 'application/json'],
    ['X-Stainless-Lang', 'js'],
    ['Content-Length', '1234'],
  ].flat();

interface Scene {
  readonly what: string;
  readonly keys: number;
  /** Of what is shown nothing is known. */
  readonly unknown?: boolean;
  readonly requestsPerMinute?: number;
}

const SCENES: readonly Scene[] = [
  { what: '1 key', keys: 1 },
  { what: '20 keys', keys: 20 },
  { what: '10,000 keys', keys: 10_000 },
  { what: '20 keys, none of them shown (401)', keys: 20, unknown: true },
  { what: '20 keys, over their limit (429)', keys: 20, requestsPerMinute: 1 },
];

const microseconds = ({ keys, unknown = false, requestsPerMinute = 100_000 }: Scene): number => {
  const secrets = Array.from({ length: keys }, newKey);
  const ring = new KeyRing();
  ring.apply(secrets.map((key, index) => ruleOf(index, key, requestsPerMinute)));
  const shown = (unknown ? secrets.map(() => newKey()) : secrets).map((key) => ({
    headers: { authorization: `Bearer ${key}` },
    raw: headersOf(key),
  }));
  let at = 0;
  let sink = 0;
  const round = (): number => {
    const before = process.cpuUsage();
    for (let request = 0; request < REQUESTS; request++) {
      const each = shown[request % shown.length];
      if (each === undefined) continue;
      at += STEP_MS;
      const moment = momentOf(at, NOON + at);
      try {
        const visit = ring.visit(each.headers, moment);
        sink += withoutCredentials(each.raw).length;
        visit.mustAllow('inference');
        visit.enter(moment);
        try {
          sink += visit.headers(moment).length;
          if (!visit.fits('llama3:8b')) continue;
          visit.start({ tokens: 400, guessed: true }, moment);
          sink += visit.headers(moment).length;
          visit.settle('served', 200, 180, moment);
        } finally {
          visit.leave();
        }
      } catch {
        sink++;
      }
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / REQUESTS;
  };
  round();
  const times = Array.from({ length: ROUNDS }, round).sort((a, b) => a - b);
  if (sink === 0) throw new Error('nothing was done');
  return times[Math.floor(ROUNDS / 2)] ?? Number.NaN;
};

for (const scene of SCENES) {
  console.log(`${scene.what.padEnd(40)} ${microseconds(scene).toFixed(2).padStart(7)} µs of CPU time per request`);
}
