import { describe, expect, it } from 'vitest';
import { lineText, widthOf, wrapped } from '../../../../src/cli/top/lines.ts';
import { renderTop } from '../../../../src/cli/top/render.ts';
import { server, stateWith, viewOf } from './samples.ts';

const textOf = (...args: Parameters<typeof renderTop>): readonly string[] =>
  renderTop(...args).map((line) => lineText(line, false));

describe('the picture of a proxy', () => {
  it('says at a glance how it goes, whom it has, and what was decided', () => {
    expect(textOf(stateWith(3), viewOf({ rows: 20 }))).toEqual([
      'ollama-task-router 1.2.3   ready   strategy hybrid   http://127.0.0.1:11436',
      'servers 2 of 3   running 2 of 8 slots   waiting 3 (interactive 1, normal 2)',
      'requests 12/s   failed 0/s   tokens 831/s out, 15k/s in   first token 180 ms typical, 1.42 s p95   ▁▂█',
      '',
      'SERVER    STATE   SLOTS  IN MEMORY',
      'gpu-0   ● up        1/4  llama3.1:8b (1 of 4, 6.2 GB)',
      'gpu-1   ● up        1/4  llama3.1:8b (1 of 4, 6.2 GB)',
      'gpu-2   ■ down        0  connect ECONNREFUSED 10.0.0.3:11434',
      '',
      'TIME      MODEL        CATEGORY  SERVER     FORESEEN   OBSERVED',
      't100      llama3.1:8b  coding    gpu-0        150 ms     140 ms',
      't99       llama3.1:8b  coding    gpu-1        150 ms          –  failed: backend_failed, 3 attempts',
      't98       llama3.1:8b  coding    gpu-2        150 ms     142 ms  waited 1.20 s',
      't97       llama3.1:8b  coding    gpu-0        150 ms     143 ms',
      't96       llama3.1:8b  coding    gpu-1        150 ms     144 ms',
      't95       llama3.1:8b  coding    gpu-2        150 ms     145 ms',
      't94       llama3.1:8b  coding    gpu-0        150 ms     146 ms',
      't93       llama3.1:8b  coding    gpu-1        150 ms     147 ms',
      '',
      'q quits',
    ]);
  });

  it('keeps within every width and height, for any number of servers', () => {
    for (const count of [0, 3, 50]) {
      for (let columns = 40; columns <= 200; columns += 5) {
        for (const rows of [1, 5, 10, 24, 60]) {
          const lines = textOf(stateWith(count), viewOf({ columns, rows }));
          expect(lines.length).toBeLessThanOrEqual(rows);
          expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
        }
      }
    }
  });

  it('leaves some room for decisions beside fifty servers, shows those in trouble first and counts the rest', () => {
    const lines = textOf(stateWith(50), viewOf({ rows: 24 }));
    const servers = lines.slice(lines.findIndex((line) => line.startsWith('SERVER')) + 1);
    expect(servers[0]).toMatch(/^gpu-2 +■ down/);
    expect(lines).toContain('  and 41 more: 41 up; 41 running');
    expect(lines.filter((line) => /^t\d/.test(line))).toHaveLength(5);
    expect(lines).toHaveLength(24);
  });

  it('scrolls the servers as far as there are any', () => {
    const last = textOf(stateWith(50), viewOf({ rows: 24, scroll: 1_000 }));
    expect(last.join('\n')).toMatch(/gpu-49 /);
    expect(last.join('\n')).toMatch(/and 41 more: 1 down, 40 up; 40 running/);
  });

  it('leaves every server where it was while there is room for all', () => {
    const names = (lines: readonly string[]) => lines.map((line) => /^gpu-\d/.exec(line)?.[0]).filter(Boolean);
    expect(names(textOf(stateWith(4), viewOf()))).toEqual(['gpu-0', 'gpu-1', 'gpu-2', 'gpu-3']);
  });

  it('says that there is nothing where there is nothing', () => {
    const lines = textOf(stateWith(0, { decisions: [] }), viewOf());
    expect(lines).toContain('no server is configured: every request is refused');
    expect(lines).toContain('no request has ended yet');
  });

  it('goes on showing what it knew of a proxy that is gone, and says so', () => {
    const lines = textOf(stateWith(3), viewOf({ trouble: 'cannot reach it' }));
    expect(lines[0]).toContain('no connection');
    expect(lines[1]).toBe('cannot reach it');
    expect(lines.join('\n')).toContain('gpu-1');
    expect(textOf(undefined, viewOf({ trouble: 'cannot reach it' }))).toEqual([
      'ollama-task-router   no connection, trying again   http://127.0.0.1:11436',
      'cannot reach it',
      '',
      'q quits',
    ]);
  });

  it('says why nothing is served', () => {
    const lines = textOf(stateWith(1, { ready: false, reason: 'draining' }), viewOf());
    expect(lines[0]).toContain('not ready: draining');
  });

  it('tells of models that do not lie where they should, and of slots that nobody knows', () => {
    const loaded = [
      { name: 'big:70b', running: 0, slots: undefined, sizeBytes: 40e9, vramBytes: 24e9 },
      { name: 'small:1b', running: 2, slots: undefined, sizeBytes: 900e6, vramBytes: 0 },
    ];
    const lines = textOf(stateWith(0, { servers: [server('a', { loaded, running: 2 })] }), viewOf());
    expect(lines.join('\n')).toContain(
      '    2/?  big:70b (40.0 GB, 60 % in video memory), small:1b (2 of ?, 900 MB on the CPU)',
    );
  });

  it('colours by state, and not at all where colours are not wanted', () => {
    const lines = renderTop(stateWith(3), viewOf());
    const down = lines.find((line) => line.some(({ text }) => text.includes('■')));
    if (down === undefined) throw new Error('no server is down');
    expect(lineText(down, true)).toContain('\u001B[31m■ down \u001B[0m');
    expect(lines.map((line) => lineText(line, false)).join('')).not.toContain('\u001B');
  });
});

describe('a long sentence', () => {
  it('is broken between words, and cut where there is no room for a word', () => {
    expect(wrapped('one two three extraordinarily long', 9)).toEqual(['one two', 'three', 'extraord…', 'long']);
    expect(wrapped('short', 9)).toEqual(['short']);
  });
});

describe('the width of a text', () => {
  it('counts cells of the terminal', () => {
    expect(['abc', 'é', 'e\u0301', '模型', 'モデル', '…'].map(widthOf)).toEqual([3, 1, 1, 4, 6, 1]);
  });
});
