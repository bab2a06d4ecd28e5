import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangeRule } from '../../../../src/config/types.ts';
import { fitsPattern } from '../../../../src/core/model-pattern.ts';
import {
  chooseBuildServer,
  chooseServers,
  policyFor,
  policyForFiles,
  type Server,
} from '../../../../src/http/pool/targets-of-change.ts';

type Named = Server & { readonly name: string };

const server = (name: string, more: Partial<Server> = {}): Named => ({
  name,
  weight: 1,
  inflight: 0,
  slots: 'auto',
  tags: [],
  storedBytes: 0,
  holds: false,
  ...more,
});
const names = (servers: readonly Named[]): readonly string[] => servers.map(({ name }) => name);
const rule = (models: readonly string[], more: Partial<ChangeRule> = {}): ChangeRule => ({
  models,
  copies: undefined,
  tags: [],
  ...more,
});

describe('a pattern for model names', () => {
  it.each([
    ['*', 'llama3:latest', true],
    ['llama3*', 'llama3.1:8b', true],
    ['*70b*', 'llama3.1:70b-instruct', true],
    ['*:70b', 'llama3.1:70b-instruct', false],
    ['LLAMA*', 'llama3:latest', true],
    ['llama3', 'llama3:latest', true],
    ['registry.ollama.ai/library/Llama3', 'llama3:latest', true],
    ['llama3', 'llama3.1:latest', false],
    ['hf.co/*:q4_*', 'hf.co/u/r:q4_k_m', true],
    ['ab*ba', 'aba:latest', false],
    ['a*b*c', 'a-c-b', false],
    ['a*b*c', 'a-b-b-c', true],
  ])('%s for %s: %s', (pattern, key, fits) => {
    expect(fitsPattern(pattern, key)).toBe(fits);
  });
});

describe('the policy for a model', () => {
  const rules = [
    rule(['*70b*'], { copies: 'any', tags: ['big'] }),
    rule(['llama*'], { copies: 2 }),
    rule(['*70b-tiny'], { copies: 'all' }),
    rule(['*'], { tags: ['nvme'] }),
  ];

  it('is that of the first rule that fits', () => {
    const policy = (name: string) => policyFor(name, { copies: 'all', rules });
    expect(policy('Llama3.1:70B')).toEqual({ copies: 'any', tags: ['big'] });
    expect(policy('llama3.1:8b')).toEqual({ copies: 2, tags: [] });
    expect(policy('m:70b-tiny')).toEqual({ copies: 'any', tags: ['big'] });
    expect(policy('qwen3')).toEqual({ copies: 'all', tags: ['nvme'] });
  });

  it('is the general one where no rule fits', () => {
    expect(policyFor('qwen3', { copies: 'any', rules: [rule(['llama*'])] })).toEqual({ copies: 'any', tags: [] });
  });

  it('takes only a rule for every model when the name is not known yet', () => {
    expect(policyForFiles({ copies: 'all', rules })).toEqual({ copies: 'all', tags: ['nvme'] });
    expect(policyForFiles({ copies: 'any', rules: rules.slice(0, 3) })).toEqual({ copies: 'any', tags: [] });
  });
});

describe('the servers that get a model', () => {
  const any = { copies: 'any', tags: [] } as const;

  it('are all of them, or so many', () => {
    const servers = [server('a'), server('b'), server('c')];
    expect(names(chooseServers(servers, { copies: 'all', tags: [] }))).toEqual(['a', 'b', 'c']);
    expect(names(chooseServers(servers, { copies: 2, tags: [] }))).toEqual(['a', 'b']);
    expect(names(chooseServers(servers, { copies: 7, tags: [] }))).toEqual(['a', 'b', 'c']);
  });

  it('have every tag that is asked for', () => {
    const servers = [server('a', { tags: ['big'] }), server('b'), server('c', { tags: ['nvme', 'big'] })];
    expect(names(chooseServers(servers, { copies: 'all', tags: ['big', 'nvme'] }))).toEqual(['c']);
    expect(chooseServers(servers, { copies: 'all', tags: ['none'] })).toEqual([]);
  });

  it('begin with those that have it, however busy they are', () => {
    const servers = [server('idle', { weight: 9 }), server('holder', { holds: true, inflight: 5, slots: 1 })];
    expect(names(chooseServers(servers, any))).toEqual(['holder']);
  });

  it('go on with the least busy for its weight', () => {
    const servers = [server('light', { inflight: 1 }), server('heavy', { weight: 4, inflight: 3 })];
    expect(names(chooseServers(servers, any))).toEqual(['heavy']);
    expect(names(chooseServers([server('one'), server('four', { weight: 4 })], any))).toEqual(['four']);
  });

  it('are spread over an idle pool by what is on disk already', () => {
    const servers = [server('full', { storedBytes: 9e9 }), server('empty', { storedBytes: 1e9 })];
    expect(names(chooseServers(servers, any))).toEqual(['empty']);
  });

  it('end with those whose slots are all taken', () => {
    const servers = [server('full', { weight: 100, slots: 2, inflight: 2 }), server('free', { slots: 4, inflight: 3 })];
    expect(names(chooseServers(servers, { copies: 'all', tags: [] }))).toEqual(['free', 'full']);
  });

  it('are as many as are wanted and fit, each once, holders before the others, for any pool', () => {
    const some = fc.record({
      weight: fc.integer({ min: 1, max: 5 }),
      inflight: fc.nat(4),
      slots: fc.constantFrom<Server['slots']>('auto', 1, 3),
      tags: fc.subarray(['big', 'nvme']),
      storedBytes: fc.constantFrom(0, 1e9),
      holds: fc.boolean(),
    });
    const policies = fc.record({
      copies: fc.constantFrom<'all' | 'any' | number>('all', 'any', 1, 2, 9),
      tags: fc.subarray(['big', 'nvme']),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 8 }), policies, (given, policy) => {
        const servers = given.map((each, index) => server(String(index), each));
        const chosen = chooseServers(servers, policy);
        const fitting = servers.filter(({ tags }) => policy.tags.every((tag) => tags.includes(tag)));
        const wanted = policy.copies === 'all' ? Infinity : policy.copies === 'any' ? 1 : policy.copies;
        expect(chosen).toHaveLength(Math.min(wanted, fitting.length));
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.every((each) => fitting.includes(each))).toBe(true);
        const leftOut = fitting.filter((each) => !chosen.includes(each));
        if (leftOut.some(({ holds }) => holds)) expect(chosen.every(({ holds }) => holds)).toBe(true);
      }),
    );
  });
});

describe('the build server', () => {
  const none = { copies: 'all', tags: [] } as const;
  const servers = [server('a'), server('b', { weight: 3 }), server('c', { weight: 3 })];

  it('is the one with most weight, of equals the first', () => {
    expect(chooseBuildServer(servers, none, undefined)?.name).toBe('b');
  });

  it('stays what it was while it is there', () => {
    expect(chooseBuildServer(servers, none, 'a')?.name).toBe('a');
    expect(chooseBuildServer(servers.slice(0, 1), none, 'b')?.name).toBe('a');
  });

  it('has the tags that are asked for, unless no server has them', () => {
    const tagged = [...servers, server('d', { tags: ['nvme'] })];
    expect(chooseBuildServer(tagged, { copies: 'all', tags: ['nvme'] }, undefined)?.name).toBe('d');
    expect(chooseBuildServer(servers, { copies: 'all', tags: ['nvme'] }, undefined)?.name).toBe('b');
  });

  it('is none in an empty pool', () => {
    expect(chooseBuildServer([], none, 'a')).toBeUndefined();
  });
});
