import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseContext } from '../../src/cli/context.ts';
import { OPTIONS } from '../../src/cli/options.ts';
import { VERBS, type Verb } from '../../src/cli/usage.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { openApiDocument } from '../../src/http/admin/openapi.ts';
import { adminRoutes } from '../../src/http/admin/routes.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import { blocksOf, pages, readPage, type Block } from '../support/docs.ts';

const ROOT = new URL('../../', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
/** Pages whose configurations are whole, without anything left out. */
const WHOLE = ['README.md', 'docs/first-ten-minutes.md', 'docs/choosing-a-strategy.md', 'docs/troubleshooting.md'];

const ofLanguage = (files: readonly string[], ...languages: readonly string[]): readonly [string, Block][] =>
  files
    .flatMap((file) => blocksOf(file))
    .filter(({ language }) => languages.includes(language))
    .map((block) => [`${block.file}:${block.line}`, block]);

/** Lines as a shell sees them: continued ones joined, without quoted arguments, each command of a line on its own. */
const commandsOf = (text: string): readonly string[] =>
  text
    .replaceAll(/\\\n/g, ' ')
    .replaceAll(/'[^']*'|"[^"]*"/g, 'QUOTED')
    .split(/\n|&&|\||;|<\(/)
    .map((command) => command.trim());

const isVerb = (word: string): word is Verb => (VERBS as readonly string[]).includes(word);

/** What is wrong with a command of ours; undefined = nothing. */
const problemOf = (command: string): string | undefined => {
  const npm = /^(?:[A-Z_]+=\S+ )*npm (run (\S+)|start|test)/.exec(command);
  if (npm !== null) {
    const script = npm[2] ?? npm[1] ?? '';
    if (scripts[script] === undefined) return `there is no script ${script}`;
  }
  const ours =
    /^(?:ollama-task-router|node dist\/main\.js) +(.*)/.exec(command)?.[1] ??
    (/^npm start -- +(.*)/.exec(command)?.[1] ?? '').replace(/^/, 'serve ');
  if (npm === null && !/^(?:ollama-task-router|node dist\/main\.js) /.test(command)) return undefined;
  if (npm !== null && !command.includes('npm start -- ')) return undefined;
  const [verb = '', ...words] = ours.split(/\s+/);
  if (!isVerb(verb)) return `there is no verb ${verb}`;
  const known = [...OPTIONS[verb].map(({ name }) => `--${name}`), '--help'];
  const unknown = words.filter((word) => word.startsWith('--') && !known.includes(word));
  return unknown.length === 0 ? undefined : `${verb} has no ${unknown.join(', ')}`;
};

describe('the pages', () => {
  it.each(ofLanguage(pages(), 'sh', 'bash'))(
    '%s is a script, and each command of ours in it exists',
    (_at, { text }) => {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
      expect(commandsOf(text).flatMap((command) => problemOf(command) ?? [])).toEqual([]);
    },
  );

  it.each(ofLanguage(WHOLE, 'yaml'))('%s is a configuration that can be served', (_at, { text }) => {
    const parsed = parseConfig(text, parseContext({}));
    expect(parsed.ok ? [] : parsed.issues).toEqual([]);
  });

  it('name only paths of the admin API that there are', () => {
    const known = Object.keys(openApiDocument(adminRoutes)['paths'] as object).map(
      (path) => new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
    );
    const named = pages().flatMap((file) =>
      Array.from(readPage(file).matchAll(/\/admin\/v1\/[a-zA-Z0-9/{}.-]*[a-zA-Z0-9}]/g), ([path]) => ({ file, path })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ path }) => !known.some((pattern) => pattern.test(path)))).toEqual([]);
  });

  it('lead to files and headings that there are', () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
    const missing: string[] = [];
    for (const file of pages()) {
      const prose = readPage(file).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
      for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = '', anchor] = target.split('#');
        const url = path === '' ? new URL(file, ROOT) : new URL(path, new URL(file, ROOT));
        if (!existsSync(url)) missing.push(`${file}: ${target}`);
        else if (anchor !== undefined) {
          const headings = readFileSync(url, 'utf8').matchAll(/^#+ (.+)$/gm);
          if (![...headings].some(([, heading = '']) => slug(heading) === anchor)) missing.push(`${file}: ${target}`);
        }
      }
    }
    expect(missing).toEqual([]);
  });

  it('name every strategy where one is chosen', () => {
    for (const file of ['README.md', 'docs/choosing-a-strategy.md']) {
      const missing = STRATEGY_NAMES.filter((name) => !readPage(file).includes(`\`${name}\``));
      expect(missing, file).toEqual([]);
    }
  });
});
