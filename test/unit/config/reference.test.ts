import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../../src/config/parse.ts';
import { jsonSchema } from '../../../src/config/schema.ts';
import { configOf, contextWith, repositoryFile } from './context.ts';

type Node = z.core.JSONSchema.BaseSchema;

const schema = jsonSchema(contextWith());

interface Key {
  readonly path: string;
  readonly name: string;
  readonly description: string | undefined;
  /** undefined = none. */
  readonly fallback: unknown;
  readonly leaf: boolean;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Every key that the schema knows, in the notation of the reference. */
const keysOf = (node: Node, path: string): readonly Key[] =>
  Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    if (!isNode(child)) return [];
    const here = path === '' ? name : `${path}.${name}`;
    const items = isNode(child.items) && !Array.isArray(child.items) ? keysOf(child.items, `${here}[]`) : [];
    const named = isNode(child.additionalProperties) ? keysOf(child.additionalProperties, `${here}.NAME`) : [];
    const inner = [...keysOf(child, here), ...items, ...named];
    return [
      { path: here, name, description: child.description, fallback: child.default, leaf: inner.length === 0 },
      ...inner,
    ];
  });

const keys = keysOf(schema, '');
const leaves = keys.filter(({ leaf }) => leaf);
const example = repositoryFile('config/example.yaml');
const shown = (value: unknown): string => (typeof value === 'string' && value !== '' ? value : JSON.stringify(value));

describe('config/schema.json', () => {
  it('is what the code describes', () => {
    const hint = 'write it again: npx tsx test/unit/config/write-schema.ts && npx oxfmt config/schema.json';
    expect(JSON.parse(repositoryFile('config/schema.json')), hint).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('tells editors what every key means', () => {
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter(({ description }) => description === undefined)).toEqual([]);
  });

  it('accepts the example and variables in place of numbers, and refuses a wrong key or value', () => {
    const checker = z.fromJSONSchema(schema);
    const data: unknown = parseDocument(example.replace('${ADMIN_TOKEN:-}', '""')).toJS();
    expect(checker.safeParse(data).error?.issues).toBeUndefined();
    expect(checker.safeParse({ retry: { max_attempts: '${N:-3}' }, queue: { max_wait: '${W}' } }).success).toBe(true);
    expect(checker.safeParse({ queue: { max_wai: '5m' } }).success).toBe(false);
    expect(checker.safeParse({ queue: { max_wait: '5' } }).success).toBe(false);
    expect(checker.safeParse({ routing: { strategy: 'hybird' } }).success).toBe(false);
    expect(checker.safeParse({ backends: [{ name: 'a' }] }).success).toBe(false);
  });
});

describe('config/example.yaml', () => {
  it('is a good configuration without a warning', () => {
    expect(parseConfig(example, contextWith())).toMatchObject({ ok: true, value: { warnings: [] } });
  });

  it('states the defaults, but for the backends and names that it shows', () => {
    const { backends, virtualModels, aliases, categories, ...rest } = configOf(example);
    const {
      backends: none,
      virtualModels: noModels,
      aliases: noAliases,
      categories: builtIn,
      ...defaults
    } = configOf('');
    expect(rest).toEqual(defaults);
    expect([none, noModels, Object.keys(noAliases), builtIn.own]).toEqual([[], [], [], []]);
    expect([categories.threshold, categories.own.length]).toEqual([builtIn.threshold, 1]);
    expect(backends[0]).toEqual(configOf('backends: [{ name: gpu-1, url: "http://gpu-1:11434" }]').backends[0]);
    expect([virtualModels.length, Object.keys(aliases).length]).toEqual([1, 1]);
  });

  it.each(keys.map(({ path, name }) => [path, name]))('shows the key %s', (_, name) => {
    expect(example).toMatch(new RegExp(String.raw`^[ #-]*${name}:`, 'm'));
  });

  it('stays good with its commented settings switched on', () => {
    const on = example
      .replace('keys: []', 'keys:')
      .replaceAll(/^ {2}# {2}/gm, '    ')
      .replaceAll(/^# (?=tls:| {2}cert:| {2}key:)/gm, '');
    const parsed = parseConfig(on, contextWith());
    expect(parsed.ok ? [] : parsed.issues.map(({ path }) => path)).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const rows = new Map(
    repositoryFile('docs/configuration.md')
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim()))
      .map(([, key, fallback, meaning]) => [key?.replace(/ °$/, ''), { fallback, meaning }] as const),
  );

  it.each(leaves.map(({ path, fallback, description }) => [path, fallback, description] as const))(
    'has a row for %s with its default',
    (path, fallback, description) => {
      const row = rows.get(`\`${path}\``);
      expect(row?.meaning).toBe(description);
      if (fallback === undefined) expect(['required', 'none']).toContain(row?.fallback);
      else expect(row?.fallback).toBe(`\`${shown(fallback)}\``);
    },
  );
});
