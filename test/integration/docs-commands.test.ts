import { spawn } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AskIo } from '../../src/cli/admin-client.ts';
import { explainCommand } from '../../src/cli/explain.ts';
import { topCommand, type TopIo } from '../../src/cli/top.ts';
import { whyCommand } from '../../src/cli/why.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { blocksOf, pages } from '../support/docs.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { testIo } from '../support/test-io.ts';

const MODELS = ['llama3.2:3b', 'qwen2.5-coder:7b'];
const VIRTUAL = `
virtual_models:
  auto:
    candidates: [qwen2.5-coder:7b, llama3.2:3b]
    prefer: { coding: [qwen2.5-coder:7b], documentation: [llama3.2:3b] }
`;

let sims: readonly SimServer[];
let proxy: TestProxy;
let bin: string;
let desk: http.Server;

const COMMANDS: Readonly<Record<string, (argv: readonly string[], io: AskIo & TopIo) => Promise<number>>> = {
  explain: explainCommand,
  why: whyCommand,
  top: topCommand,
};

/** Runs a verb of the command line here, because a process for each would take most of the time. */
const runVerb = async ([verb = '', ...argv]: readonly string[]): Promise<string> => {
  const io = testIo({ TASK_ROUTER_ADMIN_URL: proxy.adminUrl });
  const code = await COMMANDS[verb]?.(argv, { ...io, atExit: () => undefined });
  return code === undefined ? `2\n${verb} is not run here\n` : `${code}\n${io.stdout()}${io.stderr()}`;
};

/** Hands its arguments over to `runVerb`; the first line that comes back is the exit code, the rest what it said. */
const HAND_OVER = `#!/bin/sh
answer=$(printf '%s\\0' "$@" | curl --data-binary @- "$DESK")
printf '%s\\n' "$answer" | tail -n +2
exit "$(printf '%s' "$answer" | head -n 1)"
`;

/** Puts a script before all other programs of this name. */
const tool = (name: string, script: string): void => {
  writeFileSync(join(bin, name), script);
  chmodSync(join(bin, name), 0o755);
};

beforeAll(async () => {
  sims = await Promise.all(
    ['gpu-1', 'gpu-2'].map((name) => startSim({ name, profile: 'fast-gpu', models: MODELS, timeScale: 0.02 })),
  );
  const backends = sims.map(({ url }, i) => ({ name: `gpu-${i + 1}`, url, slots: 1 }));
  proxy = await startProxy({ backends, config: VIRTUAL });
  bin = mkdtempSync(join(tmpdir(), 'docs-commands-'));
  tool('ollama-task-router', HAND_OVER);
  desk = http.createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    req.on('end', () => {
      void runVerb(body.split('\0').slice(0, -1)).then((said) => res.end(said));
    });
  });
  await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
  // Takes a refusal for a failure.
  tool('curl', `#!/bin/sh\nPATH='${process.env['PATH'] ?? ''}' exec curl -sS --fail-with-body --max-time 10 "$@"\n`);
});
afterAll(async () => {
  desk.close();
  await proxy.stop();
  await Promise.all(sims.map((sim) => sim.close()));
  rmSync(bin, { recursive: true });
});

/** Runs a block as it stands, but for the addresses. */
const run = (text: string): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> => {
  const script = text
    .replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):11435\b/g, proxy.url)
    .replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):11436\b/g, proxy.adminUrl);
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      DESK: `http://127.0.0.1:${(desk.address() as AddressInfo).port}`,
    },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (out += piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (err += piece));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
};

const blocks = pages()
  .flatMap((file) => blocksOf(file))
  .filter((block) => block.run);

describe('the commands of the pages', () => {
  it.each(blocks.map((block) => [`${block.file}:${block.line}`, block] as const))(
    '%s works as it stands against a running proxy',
    async (_at, { text }) => {
      const { code, out, err } = await run(text);
      expect(code, `${text}\n${out}\n${err}`).toBe(0);
      expect(out).not.toBe('');
    },
  );

  it('leave the proxy with every server in use', async () => {
    const { body } = await proxy.admin('GET', 'backends');
    expect(body).toMatchObject({
      backends: [
        { name: 'gpu-1', enabled: true, draining: false, weight: 1 },
        { name: 'gpu-2', enabled: true, draining: false },
      ],
    });
    expect((await proxy.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'hybrid' });
  });
});
