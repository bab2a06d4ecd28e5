import { describe, expect, it } from 'vitest';
import { createCategorizerChain } from '../../../src/index.ts';
import { routerOf } from './support.ts';

const builtIn = (text: string): string => createCategorizerChain().categorize({ text, system: '' }).category;
const PROMPT = 'implement a function that adds two numbers';

describe('categories', () => {
  it('are the built-in ones without a detector', () => {
    const { router } = routerOf(['a']);
    expect(router.getTaskCategory(PROMPT)).toBe(builtIn(PROMPT));
  });

  it('are what the detector says, its own names included, which may be recorded from then on', () => {
    const { router } = routerOf(['a'], {
      detector: { detect: (prompt) => (prompt.includes('ode') ? 'poetry' : undefined) },
    });
    expect(() => router.recordTaskResult('a', true, 1, 'poetry')).toThrow('unknown category');
    expect(router.getTaskCategory('an ode to joy')).toBe('poetry');
    router.recordTaskResult('a', true, 1, 'poetry');
    expect(router.getModelMetrics('a')?.byCategory['poetry']?.totalRequests).toBe(1);
    expect(router.getTaskCategory(PROMPT)).toBe(builtIn(PROMPT));
  });

  it('can be told to use another detector, or none, at run time', () => {
    const { router } = routerOf(['a']);
    router.setTaskCategoryDetector({ detect: () => 'testing' });
    expect(router.getTaskCategory(PROMPT)).toBe('testing');
    router.setTaskCategoryDetector(undefined);
    expect(router.getTaskCategory(PROMPT)).toBe(builtIn(PROMPT));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
    ],
    ['answers with a number', () => 7],
    ['answers with a promise', () => Promise.reject(new Error('late'))],
    ['answers with an empty string', () => ''],
  ])('fall through to the built-in chain when the detector %s, with one warning', async (_, detect) => {
    const { router, log } = routerOf(['a']);
    router.setTaskCategoryDetector({ detect: detect as () => string });
    expect([router.getTaskCategory(PROMPT), router.getTaskCategory(PROMPT)]).toEqual([
      builtIn(PROMPT),
      builtIn(PROMPT),
    ]);
    expect(router.routeTask(PROMPT)).toBe('a');
    await Promise.resolve();
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('keep a detector usable that needs its own this', () => {
    const detector = {
      answer: 'debugging',
      detect() {
        return this.answer;
      },
    };
    expect(routerOf(['a'], { detector }).router.getTaskCategory('x')).toBe('debugging');
  });

  it('are bounded: a detector that makes up ever new names ends in unknown, with one warning', () => {
    let n = 0;
    const { router, log } = routerOf(['a'], { detector: { detect: () => `made-up-${n++}` } });
    const names = Array.from({ length: 80 }, () => router.getTaskCategory('x'));
    expect(new Set(names).size).toBe(58);
    expect(names.at(-1)).toBe('unknown');
    expect(log.lines).toHaveLength(1);
  });
});
