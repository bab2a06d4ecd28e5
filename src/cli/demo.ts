import { parseArgs } from 'node:util';
import { Ollama } from 'ollama';
import { App } from '../app.ts';
import { parseConfig } from '../config/parse.ts';
import { errorText } from '../core/errors.ts';
import { createLog } from '../log.ts';
import { startSim, type SimServer } from '../sim/http/server.ts';
import type { Io } from './io.ts';
import { parseContext } from './context.ts';
import { seconds } from './terms-table.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

/** The simulated pool: three uneven boxes, as a small lab has them. Five times faster than life, so nobody waits. */
const BOXES = [
  { name: 'sim-fast-gpu', profile: 'fast-gpu', models: ['llama3.2:3b', 'qwen2.5-coder:7b'] },
  { name: 'sim-slow-gpu', profile: 'slow-gpu', models: ['llama3.2:3b', 'qwen2.5-coder:7b'] },
  { name: 'sim-cpu', profile: 'cpu', models: ['llama3.2:3b'] },
] as const;
const TIME_SCALE = 0.2;

const PROMPTS = [
  'Write a TypeScript function that merges two sorted arrays.',
  'Why does this throw "TypeError: cannot read properties of undefined (reading \'map\')"?',
  'Extract the validation from this handler into its own module.',
  'Write unit tests for the date parser, edge cases included.',
  'Explain what this regular expression does and document it: /^\\d{4}-\\d{2}$/',
  'Review this pull request: is the locking right?',
  '用 Python 写一个快速排序函数',
  'What should I cook tonight with leeks and potatoes?',
];

const BURST = 16;

/** `auto` lets the router pick model and server together by the category of the prompt. */
const configText = (sims: readonly SimServer[]): string =>
  [
    'listen: 127.0.0.1:0',
    'admin: { listen: 127.0.0.1:0 }',
    'backends:',
    ...sims.map((sim, i) => `  - { name: ${BOXES[i]?.name ?? `sim-${i}`}, url: "${sim.url}" }`),
    'routing: { strategy: hybrid }',
    'virtual_models:',
    '  auto:',
    '    candidates: [qwen2.5-coder:7b, llama3.2:3b]',
    '    prefer:',
    '      coding: [qwen2.5-coder:7b]',
    '      refactoring: [qwen2.5-coder:7b]',
    '      debugging: [qwen2.5-coder:7b]',
    '      testing: [qwen2.5-coder:7b]',
    '      code-review: [qwen2.5-coder:7b]',
    '      documentation: [llama3.2:3b]',
    '      unknown: [llama3.2:3b]',
  ].join('\n');

const clip = (text: string, width: number): string => {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  return flat.length <= width ? flat : `${flat.slice(0, width - 1)}…`;
};

/** Sends the prompts with the stock client, one after the other, and prints what the proxy did with each. */
const sendPrompts = async (proxy: string, io: Io): Promise<void> => {
  for (const prompt of PROMPTS) {
    let headers = new Headers();
    // The stock client shows no headers; its own `fetch` option lets us read the ones of the proxy on the way.
    const client = new Ollama({
      host: proxy,
      headers: { 'x-task-router-explain': '1' },
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        headers = answer.headers;
        return answer;
      },
    });
    const messages = [{ role: 'user', content: prompt }];
    const stream = await client.chat({ model: 'auto', messages, stream: true });
    let tokens = 0;
    let answer = '';
    for await (const part of stream) {
      answer += part.message.content;
      if (part.done) tokens = part.eval_count;
    }
    const header = (name: string): string => headers.get(`x-task-router-${name}`) ?? '';
    io.out(
      `> ${clip(prompt, 94)}\n` +
        `  category ${header('category')} → ${header('model')} on ${header('backend')}\n` +
        `  why      ${header('why')}\n` +
        `  answer   ${tokens} tokens: ${clip(answer, 70)}\n\n`,
    );
  }
};

interface Seen {
  readonly backend: string;
  readonly firstMs: number;
}

/** One prompt without anything printed: who answered, and when the answer began. */
const ask = async (proxy: string, prompt: string): Promise<Seen> => {
  const sent = performance.now();
  const answer = await fetch(`${proxy}/api/chat`, {
    method: 'POST',
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: prompt }] }),
  });
  const firstMs = performance.now() - sent;
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the proxy answered ${answer.status}: ${text}`);
  return { backend: answer.headers.get('x-task-router-backend') ?? '?', firstMs };
};

/** More at once than the fastest server has slots: the others get their share, and nobody waits inside a server. */
const sendBurst = async (proxy: string, io: Io): Promise<void> => {
  const prompts = Array.from({ length: BURST }, (_, i) => PROMPTS[i % PROMPTS.length] ?? '');
  const seen = await Promise.all(prompts.map((prompt) => ask(proxy, prompt)));
  io.out(`${BURST} at once:\n`);
  for (const { name } of BOXES) {
    const times = seen.filter(({ backend }) => backend === name).map(({ firstMs }) => firstMs);
    const latest = times.length === 0 ? '' : `, the last one began after ${seconds(Math.max(...times))} s`;
    io.out(`  ${name.padEnd(14)} answers ${String(times.length).padStart(2)}${latest}\n`);
  }
  io.out('\n');
};

/**
 * `demo`: three simulated servers, the proxy in front of them, and a few prompts through it.
 * @returns 0, or 1 when something could not be started or a prompt failed
 */
export const demoCommand = async (argv: readonly string[], io: Io): Promise<number> => {
  let once: boolean;
  try {
    once = parseArgs({ args: [...argv], options: { once: { type: 'boolean', default: false } } }).values.once;
  } catch (error) {
    io.err(`demo: ${problemOf(error, 'demo')}\n\n${USAGE.demo}`);
    return 2;
  }
  const sims: SimServer[] = [];
  let app: App | undefined;
  const stop = async (): Promise<void> => {
    await app?.drain(1_000);
    await Promise.all(sims.map((sim) => sim.close()));
  };
  try {
    for (const { name, profile, models } of BOXES) {
      sims.push(await startSim({ name, profile, models, timeScale: TIME_SCALE }));
    }
    const parsed = parseConfig(configText(sims), parseContext(io.env));
    if (!parsed.ok) throw new Error(parsed.issues.map(({ message }) => message).join('; '));
    app = new App({ config: parsed.value.config, log: createLog({ level: 'error', format: 'json' }) });
    const { proxy, admin } = await app.start();
    await app.probed();
    const proxyUrl = `http://${proxy.host}:${proxy.port}`;
    const adminUrl = `http://${admin.host}:${admin.port}`;
    io.out('Three SIMULATED Ollama servers (no GPU, no real model) and the router in front of them:\n\n');
    sims.forEach((sim, i) => io.out(`  ${(BOXES[i]?.name ?? '').padEnd(14)} ${sim.url}\n`));
    io.out(`  ${'proxy'.padEnd(14)} ${proxyUrl}\n  ${'admin'.padEnd(14)} ${adminUrl}\n\n`);
    await sendPrompts(proxyUrl, io);
    await sendBurst(proxyUrl, io);
    if (once) {
      await stop();
      return 0;
    }
    io.out(
      `Still running. Point any Ollama client at it and ask for the model "auto":\n\n` +
        `  OLLAMA_HOST=${proxyUrl} ollama run auto "write a haiku about load balancing"\n` +
        `  curl ${proxyUrl}/api/chat -d '{"model":"auto","messages":[{"role":"user","content":"fix my bug"}]}'\n\n` +
        `Watch it in a browser at ${adminUrl}/, or in another terminal:\n\n` +
        `  node dist/main.js top --admin ${adminUrl}\n\n` +
        'Ctrl-C ends it.\n',
    );
    return await new Promise((resolve) => {
      io.onStop(async () => {
        await stop();
        resolve(0);
      });
    });
  } catch (error) {
    io.err(`demo: ${errorText(error)}\n`);
    await stop();
    return 1;
  }
};
