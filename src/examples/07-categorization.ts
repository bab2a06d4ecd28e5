import { createCategorizerChain, TaskRouter } from '../index.ts';
import type { Print } from './support.ts';
import { printTable } from './support.ts';

const PROMPTS = [
  'Implement a function in Python that merges two sorted lists',
  'Refactor this class: split the long method and remove the duplication',
  'Write unit tests for the date parser, with edge cases',
  'Write the documentation of this module: a README with usage examples',
  'Fix this bug: it crashes with "TypeError: undefined is not a function"',
  'Please review this pull request and point out problems in the code',
  'What is a good name for a cat?',
] as const;

export interface CategorizationOutcome {
  /** Of `PROMPTS`, in order. */
  readonly categories: readonly string[];
  /** The same first prompt with a detector of one's own, with one that throws, and without. */
  readonly detected: readonly string[];
  readonly warnings: number;
}

/** What a prompt asks for: the built-in categorizer, one's own detector, and one that fails. */
export const run = async (print: Print): Promise<CategorizationOutcome> => {
  print('The built-in categorizer needs no network and gives its reasons:');
  const chain = createCategorizerChain();
  const verdicts = PROMPTS.map((text) => chain.categorize({ text, system: '' }));
  printTable(
    print,
    ['prompt', 'category', 'sure', 'why'],
    verdicts.map(({ category, confidence, why }, i) => [
      `${PROMPTS[i]?.slice(0, 40) ?? ''}…`,
      category,
      confidence.toFixed(2),
      why.length > 60 ? `${why.slice(0, 59)}…` : why,
    ]),
  );

  let warnings = 0;
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, error: quiet, warn: () => void warnings++ };
  const router = new TaskRouter<string>({ log });
  const ask = (): string => router.getTaskCategory('SELECT name FROM users WHERE age > 30');
  const detected: string[] = [];

  print('');
  print('A detector of your own is asked first, and may use names of its own:');
  router.setTaskCategoryDetector({ detect: (prompt) => (/^\s*select\b/i.test(prompt) ? 'sql' : undefined) });
  detected.push(ask());
  print(`  with a detector for SQL   ${detected[0]}`);

  router.setTaskCategoryDetector({
    detect() {
      throw new Error('the detector is broken');
    },
  });
  detected.push(ask(), ask());
  print(`  with one that throws      ${detected[1]}, and ${warnings} warning in the log however often it fails`);

  router.setTaskCategoryDetector(undefined);
  detected.push(ask());
  print(`  without any               ${detected[3]}`);
  return { categories: verdicts.map(({ category }) => category), detected, warnings };
};
