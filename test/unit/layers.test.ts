import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

interface Offence {
  readonly what: string;
  readonly file: string;
  readonly code: string;
  readonly rule: string;
}

const imports = (name: string): string => `import { thing } from '${name}';\nexport const copy = thing;\n`;

const RESTRICTED = 'eslint(no-restricted-imports)';
const PROPERTY = 'eslint(no-restricted-properties)';
const GLOBAL = 'eslint(no-restricted-globals)';

/** Files that the lint must refuse, each for one reason. */
const OFFENCES: readonly Offence[] = [
  ...(
    [
      ['core imports a layer', 'core/a.ts', '../routing/b.ts'],
      ['routing imports results', 'routing/c.ts', '../results/b.ts'],
      ['routing imports its neighbour tasks', 'routing/d.ts', '../tasks/b.ts'],
      ['tasks import forward', 'tasks/c.ts', '../forward/b.ts'],
      ['tasks import the log', 'tasks/d.ts', '../log.ts'],
      ['admission imports backends', 'admission/c.ts', '../backends/b.ts'],
      ['config imports routing', 'config/c.ts', '../routing/b.ts'],
      ['backends import their neighbour results', 'backends/c.ts', '../results/b.ts'],
      ['results import forward', 'results/c.ts', '../forward/b.ts'],
      ['the library imports http', 'router/c.ts', '../http/b.ts'],
      ['forward imports http', 'forward/c.ts', '../http/b.ts'],
      ['http imports cli', 'http/c.ts', '../cli/b.ts'],
      ['http imports the app', 'http/d.ts', '../app.ts'],
      ['http imports the simulated server', 'http/e.ts', '../sim/http/b.ts'],
      ['a deeper folder of http imports the app', 'http/pool/c.ts', '../../app.ts'],
      ['the simulated server imports forward', 'sim/http/c.ts', '../../forward/b.ts'],
      ['undici outside of forward', 'backends/undici.ts', 'undici'],
      ['undici in http', 'http/undici.ts', 'undici'],
      ['http-proxy outside of forward', 'http/http-proxy.ts', 'http-proxy'],
      ['yaml outside of the parser', 'config/yaml.ts', 'yaml'],
      ['prom-client outside of the metrics', 'results/prom.ts', 'prom-client'],
      ['pino outside of the log', 'forward/pino.ts', 'pino'],
      ['the ollama client outside of the commands', 'forward/ollama.ts', 'ollama'],
      ['node: in routing', 'routing/node.ts', 'node:fs'],
      ['node: in tasks', 'tasks/node.ts', 'node:crypto'],
      ['node: in the breaker', 'backends/breaker.ts', 'node:fs'],
      ['node: in the parser of the configuration', 'config/parse.ts', 'node:fs'],
      ["node: in the simulated server's model", 'sim/model/node.ts', 'node:timers'],
    ] as const
  ).map(([what, file, name]) => ({ what, file, code: imports(name), rule: RESTRICTED })),
  { what: 'Date.now in tasks', file: 'tasks/now.ts', code: 'export const at = Date.now();\n', rule: PROPERTY },
  { what: 'Date.now in routing', file: 'routing/now.ts', code: 'export const at = Date.now();\n', rule: PROPERTY },
  { what: 'Math.random anywhere', file: 'http/chance.ts', code: 'export const x = Math.random();\n', rule: PROPERTY },
  { what: 'process.env in http', file: 'http/env.ts', code: "export const x = process.env['X'];\n", rule: PROPERTY },
  {
    what: 'a timer in admission',
    file: 'admission/timer.ts',
    code: 'export const wait = (fn: () => void): void => void setTimeout(fn, 1);\n',
    rule: GLOBAL,
  },
  {
    what: 'the clock of the process in routing',
    file: 'routing/clock.ts',
    code: 'export const at = performance.now();\n',
    rule: GLOBAL,
  },
  {
    what: 'console anywhere',
    file: 'http/say.ts',
    code: "console.log('x');\nexport {};\n",
    rule: 'eslint(no-console)',
  },
  { what: 'a cycle', file: 'http/one.ts', code: imports('./two.ts'), rule: 'import(no-cycle)' },
  {
    what: 'any',
    file: 'http/any.ts',
    code: 'export const x = (y: any): unknown => y;\n',
    rule: 'typescript(no-explicit-any)',
  },
  {
    what: 'a non-null assertion',
    file: 'http/sure.ts',
    code: 'export const x = (y: string | undefined): string => y!;\n',
    rule: 'typescript(no-non-null-assertion)',
  },
];

/** The same kinds of thing where they belong. */
const FINE: readonly (readonly [file: string, code: string])[] = [
  ['core/b.ts', 'export const thing = 1;\n'],
  ['routing/b.ts', imports('../core/b.ts')],
  ['tasks/b.ts', imports('../core/b.ts')],
  ['backends/b.ts', imports('../config/types.ts')],
  ['results/b.ts', imports('prom-client').replace('prom-client', '../core/b.ts')],
  ['results/metrics.ts', imports('prom-client')],
  ['forward/b.ts', imports('undici')],
  ['http/b.ts', imports('../forward/b.ts')],
  ['cli/b.ts', imports('../http/b.ts')],
  ['sim/http/b.ts', imports('node:http')],
  ['config/types.ts', 'export const thing = 1;\n'],
  ['http/two.ts', 'export const thing = 1;\n'],
  ['log.ts', imports('pino')],
  ['app.ts', imports('./http/b.ts')],
];

interface Diagnostic {
  readonly code: string;
  readonly message: string;
  readonly filename: string;
}

let folder: string;
let found: readonly Diagnostic[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-layers-'));
  await copyFile(join(repository, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  const files = [...FINE, ...OFFENCES.map(({ file, code }) => [file, code] as const)];
  for (const [file, code] of files) {
    const path = join(folder, 'src', file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code);
  }
  await writeFile(join(folder, 'src/http/two.ts'), `${imports('./one.ts')}export { copy as thing };\n`);
  const oxlint = join(repository, 'node_modules/.bin/oxlint');
  const run = promisify(execFile)(oxlint, ['--format', 'json', '--deny-warnings', 'src'], { cwd: folder });
  // It exits with 1 because it finds what it should.
  const stdout = await run.then(
    (done) => done.stdout,
    (failed: { readonly stdout: string }) => failed.stdout,
  );
  found = (JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] }).diagnostics;
});
afterAll(() => rm(folder, { recursive: true }));

const rulesOf = (file: string): readonly string[] =>
  found.filter(({ filename }) => filename.replaceAll('\\', '/') === `src/${file}`).map(({ code }) => code);

describe('the lint keeps the layers apart', () => {
  it.each(OFFENCES.map((offence) => [offence.what, offence] as const))('and refuses: %s', (_what, { file, rule }) => {
    expect(rulesOf(file)).toContain(rule);
  });

  it('and lets through what points the right way', () => {
    const fine = FINE.map(([file]) => file).filter((file) => file !== 'http/two.ts');
    expect(fine.flatMap((file) => rulesOf(file).map((rule) => `${file}: ${rule}`))).toEqual([]);
  });
});

describe('the shipped code', () => {
  it('switches no rule off', async () => {
    const src = join(repository, 'src');
    const entries = await readdir(src, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(100);
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(files.filter((_, index) => /(ox|es)lint-disable|@ts-(ignore|nocheck)/.test(texts[index] ?? ''))).toEqual([]);
  });
});
