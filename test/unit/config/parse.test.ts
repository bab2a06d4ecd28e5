import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultConfig, parseConfig, redactConfig } from '../../../src/config/parse.ts';
import { configOf, contextWith, problemsOf } from './context.ts';

describe('a good configuration', () => {
  it('is the defaults when the file is empty or says nothing', () => {
    const defaults = defaultConfig(contextWith());
    expect(configOf('')).toEqual(defaults);
    expect(configOf('# only a comment\nqueue:\nbackends:\n')).toEqual(defaults);
    expect(defaults).toMatchObject({
      listen: { host: '127.0.0.1', port: 11_435 },
      admin: { listen: { host: '127.0.0.1', port: 11_436 }, token: undefined },
      backends: [],
      routing: { strategy: 'hybrid', numCtx: 'keep' },
      circuitBreaker: {
        failureThreshold: 5,
        successThreshold: 3,
        timeout: 30_000,
        halfOpenRequests: 2,
        adaptive: true,
      },
      queue: {
        maxWaiting: 'auto',
        maxWaitMs: 300_000,
        classWeights: { interactive: 8, normal: 3, batch: 1 },
        maxBytes: 2 ** 28,
        order: 'fifo',
        shed: true,
        targetWaitMs: 60_000,
        promoteAfterMs: 60_000,
      },
      trace: { path: undefined, maxBytes: 2 ** 28 },
      retry: { maxAttempts: 3, budget: 0.2, stallGuard: true },
      placement: { enabled: true },
      limits: { bodyBytes: 2 ** 28, headerBytes: 2 ** 15, connections: 10_000, drainTimeoutMs: 300_000 },
      state: { kind: 'memory' },
      metrics: { listen: undefined },
      changes: { copies: 'all', rules: [] },
      embeddings: { split: undefined },
    });
  });

  it('holds typed values only', () => {
    const config = configOf(`
backends:
  - { name: gpu-1, url: "https://GPU-1:11434/ollama/", slots: 4, vram: 24GiB, headers: { X-Key: a } }
queue: { max_wait: 1m30s, class_weights: { batch: 2 }, max_bytes: 1MiB, order: sjf, shed: false, target_wait: 2s }
trace: { path: ./t.jsonl, max_bytes: 10MB }
metrics: { listen: "[::1]:9464" }
embeddings: { split: 64 }
changes: { copies: any, rules: [{ models: ["*70b*"], copies: "2" }, { models: [m] }] }
logging: { format: json }
`);
    const [backend] = config.backends;
    expect(backend).toMatchObject({ name: 'gpu-1', weight: 1, slots: 4, vramBytes: 25_769_803_776, zone: 'default' });
    expect(backend?.url.href).toBe('https://gpu-1:11434/ollama');
    expect({ ...backend?.headers }).toEqual({ 'x-key': 'a' });
    expect(config.queue).toMatchObject({ maxWaitMs: 90_000, classWeights: { interactive: 8, normal: 3, batch: 2 } });
    expect(config.queue).toMatchObject({ maxBytes: 2 ** 20, order: 'sjf', shed: false, targetWaitMs: 2_000 });
    expect(config.trace).toEqual({ path: './t.jsonl', maxBytes: 10_000_000 });
    expect(config.metrics.listen).toEqual({ host: '::1', port: 9464 });
    expect(config.changes).toEqual({
      copies: 'any',
      rules: [
        { models: ['*70b*'], copies: 2, tags: [] },
        { models: ['m'], copies: undefined, tags: [] },
      ],
    });
    expect(config.embeddings.split).toBe(64);
    expect(config.logging.format).toBe('json');
  });

  it('cannot be changed, and looks up a name of Object.prototype as unknown', () => {
    const config = configOf('aliases: { a: b }\n');
    expect(Object.isFrozen(config.queue.classWeights)).toBe(true);
    expect(config.aliases['constructor']).toBeUndefined();
    expect(config.aliases['a']).toBe('b');
  });

  it('reads anchors and their aliases', () => {
    const config = configOf(`
backends:
  - { name: a, url: http://a:1, headers: &h { x-team: ml } }
  - { name: b, url: http://b:1, headers: *h }
`);
    expect(config.backends.map(({ headers }) => headers['x-team'])).toEqual(['ml', 'ml']);
  });

  it('reads back as the same after it was printed', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const model = fc.stringMatching(/^m[a-z0-9:.$ {}"#-]{0,8}$/);
    const ms = fc.integer({ min: 1, max: 10 ** 9 });
    const file = fc.record({
      backends: fc.uniqueArray(
        fc.record({ name, weight: fc.integer({ min: 1, max: 9 }), slots: fc.constantFrom('auto', 1, 8) }),
        { selector: (backend) => backend.name, maxLength: 4 },
      ),
      candidates: fc.array(model, { minLength: 1, maxLength: 3 }),
      wait: ms,
      budget: fc.double({ min: 0, max: 1, noNaN: true }),
      body: fc.integer({ min: 1, max: 2 ** 40 }),
      keepalive: fc.option(ms),
      port: fc.integer({ min: 1, max: 11_434 }),
      copies: fc.constantFrom('all', 'any', 1, 7),
      split: fc.constantFrom('off', 2, 512),
    });
    const escape = (json: string): string => json.replaceAll('${', () => '$${');
    fc.assert(
      fc.property(file, (given) => {
        const text = JSON.stringify({
          listen: `[::1]:${given.port}`,
          backends: given.backends.map((backend) => ({ ...backend, url: `http://${backend.name}:11434` })),
          virtual_models: { 'v/auto': { candidates: given.candidates, prefer: { coding: given.candidates } } },
          queue: { max_wait: `${given.wait}ms` },
          retry: { budget: given.budget },
          changes: {
            copies: given.copies,
            rules: [{ models: given.candidates, copies: given.copies }, { models: ['*'] }],
          },
          embeddings: { split: given.split },
          limits: { body: `${given.body}B` },
          streaming: { keepalive: given.keepalive === null ? 'off' : `${given.keepalive}ms` },
        });
        const config = configOf(escape(text));
        expect(config.virtualModels[0]?.candidates).toEqual(given.candidates);
        expect(configOf(escape(JSON.stringify(redactConfig(config))))).toEqual(config);
      }),
    );
  });
});

describe('problems', () => {
  it('are told all at once, in the order of the file, each at its line and column', () => {
    const text = `listen: 11435
backends:
  - name: gpu 1
    url: gpu-1:11434
    wieght: 2
queue:
  max_wai: 5m
  max_wait: 30
routing: { strategy: hybird }
retry: often
`;
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^f:1:9: listen: 11435 is not an address: write HOST:PORT/),
      expect.stringMatching(/^f:3:11: backends\[0\]\.name: "gpu 1" cannot name a backend/),
      expect.stringMatching(/^f:4:10: backends\[0\]\.url: "gpu-1:11434" must start with http/),
      'f:5:5: backends[0].wieght: unknown key, did you mean "weight"?',
      'f:7:3: queue.max_wai: unknown key, did you mean "max_wait"?',
      expect.stringMatching(/^f:8:13: queue\.max_wait: 30 has no unit: write 30s/),
      expect.stringMatching(/^f:9:22: routing\.strategy: unknown strategy "hybird", did you mean "hybrid"\?/),
      'f:10:8: retry: must be a mapping of keys to values',
    ]);
  });

  it('name the known keys where none is near', () => {
    expect(problemsOf('retry: { zzzzzz: 1 }')).toEqual([
      'f:1:10: retry.zzzzzz: unknown key; known under retry are max_attempts, budget, stall_guard, hedge',
    ]);
  });

  it('point a missing key out at the mapping that lacks it', () => {
    expect(problemsOf('backends:\n  - name: a\n')).toEqual(['f:2:5: backends[0].url: is required']);
  });

  it.each([
    ['a repeated key', 'workers: 1\nworkers: 1\n', 'f:2:1: duplicate key "workers": keep one of the two'],
    ['a tab', 'queue:\n\tmax_wait: 5m\n', 'f:2:1: a tab indents this line: use spaces'],
    ['two documents', 'workers: 1\n---\nworkers: 1\n', 'f:2:1: a second document begins here'],
    ['an unquoted IPv6 address', 'listen: [::1]:80\n', /^f:1:14: .* in quotes, like "\[::1\]:11435"$/],
    ['a second colon', 'a: b: c\n', /^f:1:4: a second ":" on this line/],
    ['an open quote', 'listen: "x\n', /^f:\d+:\d+: .*not valid YAML/],
    ['a missing anchor', 'backends: *x\n', 'f:1:11: backends: there is no anchor &x before this'],
    ['a list at the top', '- a\n', 'f:1:1: must be a mapping of keys to values'],
    ['a text at the top', 'hello\n', 'f:1:1: must be a mapping of keys to values'],
    ['an unknown tag', 'workers: !x 1\n', /^f:1:10: Unresolved tag/],
    ['a key that is a mapping', '? { a: 1 }\n: 2\n', /holds a key that is not plain text/],
    ['__proto__', '__proto__: { workers: 2 }\n', /holds a key that is not plain text/],
  ])('in YAML itself are placed: %s', (_, text, expected) => {
    const [first] = problemsOf(text);
    if (typeof expected === 'string') expect(first?.startsWith(expected), first).toBe(true);
    else expect(first).toMatch(expected);
  });

  it('are told for a text that unfolds without end', () => {
    const bomb = ['a: &a0 [x, x]'];
    for (let level = 1; level < 40; level += 1) {
      bomb.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}, *a${level - 1}]`);
    }
    expect(problemsOf(bomb.join('\n'))).toEqual([expect.stringContaining('nested too deep or repeats itself')]);
    expect(problemsOf('x: &a [*a]')).toEqual([expect.stringContaining('nested too deep or repeats itself')]);
    expect(problemsOf('['.repeat(20_000))).toHaveLength(1);
  });

  it('are results and never exceptions, for any text', () => {
    const line = fc.constantFrom(
      ...[
        'listen: ',
        'backends:',
        '  - ',
        'name: a',
        'queue: {',
        '}',
        '&a ',
        '*a',
        '"',
        "'",
        '${',
        '}',
        '\t',
        '? ',
        ': ',
      ],
      ...[
        '- - -',
        '|',
        '>',
        '!!',
        '---',
        '\r\n',
        '\n',
        'aliases: { a: b, b: a }',
        '\u0000',
        '\uE000',
        '\uD800',
        '__proto__',
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(line).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        const parsed = parseConfig(given, contextWith());
        const issues = parsed.ok ? parsed.value.warnings : parsed.issues;
        if (!parsed.ok) expect(issues.length).toBeGreaterThan(0);
        for (const { line: row, column } of issues) {
          expect(row).toBeGreaterThanOrEqual(1);
          expect(column).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });
});
