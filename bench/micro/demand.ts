/**
 * What it costs to read the demand of a chat request, by size of its history (40 messages of code with quotes in it):
 *
 *   npx tsx bench/micro/demand.ts [bytes…]      (default 1024 65536 1048576)
 *
 * `scan` is scanBody, which every request pays already; `demand` comes on top of it; `num_ctx` is setNumCtx. The last
 * column is the hash alone, in MB/s. Figures are the median of the rounds, with the fastest and slowest round.
 */
import { readDemand } from '../../src/forward/demand.ts';
import { scanBody } from '../../src/forward/json-scan.ts';
import { setNumCtx } from '../../src/forward/num-ctx.ts';
import { PrefixHasher } from '../../src/forward/prefix-hash.ts';

const ROUNDS = 15;
const ROUND_MS = 40;
const MESSAGES = 40;
const LINE = 'const answer = lookUp("question"); // the quick brown fox jumps over the lazy dog, as ever\n';

interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** µs per call: rounds of about ROUND_MS each, after two to warm up. */
const time = (call: () => void): Timing => {
  const perCall: number[] = [];
  let calls = 1;
  for (let round = -2; round < ROUNDS;) {
    const began = performance.now();
    for (let i = 0; i < calls; i++) call();
    const took = performance.now() - began;
    if (took < ROUND_MS / 2) {
      calls *= 2;
      continue;
    }
    if (round >= 0) perCall.push((took * 1000) / calls);
    round++;
  }
  perCall.sort((a, b) => a - b);
  return { median: perCall[ROUNDS >> 1] ?? NaN, min: perCall[0] ?? NaN, max: perCall[ROUNDS - 1] ?? NaN };
};

const bodyOf = (bytes: number): Buffer => {
  const each = Math.floor(bytes / MESSAGES);
  const content = LINE.repeat(Math.ceil(each / LINE.length)).slice(0, each);
  const messages = Array.from({ length: MESSAGES }, (_, i) => ({
    role: i === 0 ? 'system' : i % 2 === 0 ? 'assistant' : 'user',
    content: `${i}${content}`,
  }));
  return Buffer.from(JSON.stringify({ model: 'llama3.2', messages, options: { num_ctx: 8192, temperature: 0.2 } }));
};

const cell = ({ median, min, max }: Timing): string =>
  `${median.toPrecision(3)} (${min.toPrecision(3)}–${max.toPrecision(3)})`.padEnd(26);

const given = process.argv.slice(2).map(Number);
const hasher = new PrefixHasher([0x2545f491, 0x4f6cdd1d]);
const route = { endpoint: 'chat', dialect: 'native', loads: false } as const;
console.log(`µs per call: median (fastest–slowest round) of ${ROUNDS} rounds, Node ${process.version}\n`);
console.log(`${'history'.padEnd(10)}${['scan', 'demand', 'num_ctx'].map((name) => name.padEnd(26)).join('')}hash MB/s`);
for (const size of given.length > 0 ? given : [1024, 65_536, 1_048_576]) {
  const body = bodyOf(size);
  const members = scanBody(body);
  const hash = time(() => {
    hasher.start(body);
    hasher.bytes(0, body.length);
    hasher.digest();
  });
  const cells = [
    time(() => scanBody(body)),
    time(() => readDemand(body, members, route, hasher, 'coding')),
    time(() => setNumCtx(body, members, 16_384)),
  ];
  console.log(`${String(size).padEnd(10)}${cells.map(cell).join('')}${(body.length / hash.median).toFixed(0)}`);
}
