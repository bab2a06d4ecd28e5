import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { parseContext } from '../../src/cli/context.ts';
import { formatIssue, parseConfig } from '../../src/config/parse.ts';
import { errorText } from '../../src/core/errors.ts';
import { createLog } from '../../src/log.ts';
import { startSim } from '../../src/sim/http/server.ts';
import { findPython } from './interpreter.ts';

const HERE = import.meta.dirname;
/** Far beyond what it takes; a run that hangs must end. */
const LIMIT_MS = 10 * 60_000;
/** Variables by which the clients, or Python itself, would behave otherwise than out of the box. */
const REACHES_IN = /^(OLLAMA_|OPENAI_|PYTHON)|_proxy$/i;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());
const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(LIMIT_MS)]);

/** Runs a command to its end, its output going where ours goes. Gives its exit code, 1 if a signal ended it. */
const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env, signal });
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    // After an abort too, so that nothing writes into the folder any more when it is removed.
    child.once('close', (code) => (failure === undefined ? resolve(code ?? 1) : reject(failure)));
  });

const must = async (what: string, command: string, args: readonly string[]): Promise<void> => {
  const code = await run(command, args);
  if (code !== 0) throw new Error(`${what} failed with exit code ${code}, its output is above`);
};

/** Makes a virtual environment with the pinned clients. Gives the path of its Python. */
const install = async (python: string, folder: string): Promise<string> => {
  await must('making a virtual environment', python, ['-m', 'venv', folder]);
  const own = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await must('installing the clients', own, [...pip, '-r', join(HERE, 'requirements.txt')]);
  return own;
};

const createApp = (backend: string): App => {
  const text = [
    'listen: 127.0.0.1:0',
    'admin: { listen: "127.0.0.1:0" }',
    `backends: [{ name: one, url: "${backend}" }]`,
    // A busy machine must not be taken for a dead server.
    'health: { timeout: 20s }',
  ].join('\n');
  const parsed = parseConfig(text, parseContext({}));
  if (!parsed.ok) throw new Error(parsed.issues.map((issue) => formatIssue('config', issue)).join('\n'));
  return new App({ config: parsed.value.config, log: createLog({ level: 'error', format: 'pretty' }) });
};

/** Starts a simulated server and the proxy in front of it, and gives the exit code of the comparison. */
const compare = async (python: string): Promise<number> => {
  const sim = await startSim({ timeScale: 0.01, seed: 11 });
  try {
    const app = createApp(sim.url);
    try {
      const { proxy } = await app.start();
      await app.probed();
      const inherited = Object.entries(process.env).filter(([name]) => !REACHES_IN.test(name));
      const env = { ...Object.fromEntries(inherited), PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };
      return await run(python, [join(HERE, 'clients.py'), sim.url, `http://127.0.0.1:${proxy.port}`], env);
    } finally {
      await app.kill();
    }
  } finally {
    await sim.close();
  }
};

const main = async (): Promise<number> => {
  const found = await findPython(process.env['PYTHON']);
  if ('missing' in found) {
    const required = (process.env['CI'] ?? '') !== '' && process.env['OLLAMA_PYTHON'] === 'required';
    if (required) throw new Error(`${found.missing}; OLLAMA_PYTHON=required asks for one, install it or set PYTHON`);
    console.log(`skipped: ${found.missing}`);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'router-python-'));
  try {
    return await compare(await install(found.path, folder));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  const late = signal.aborted && !interrupted.signal.aborted;
  const why = late ? `not done after ${LIMIT_MS / 60_000} minutes, stopped` : errorText(error);
  console.error(`the Python clients were not compared: ${why}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
