/** Structural evidence that needs no vocabulary of a human language. */
export type Sign =
  | 'fence'
  | 'pasted'
  | 'stub'
  | 'exercise'
  | 'trace'
  | 'log'
  | 'diff'
  | 'testCode'
  | 'testFile'
  | 'docFile'
  | 'codeFile'
  | 'prefixFeat'
  | 'prefixFix'
  | 'prefixDocs'
  | 'prefixTest'
  | 'prefixRefactor'
  | 'prefixReview';

/**
 * One expression for each sign, applied to a single line. None nests a quantifier in another one, and each stops at
 * the line, so the cost stays linear.
 */
const PATTERNS: readonly (readonly [Sign, RegExp])[] = [
  [
    'trace',
    /Traceback \(most recent|^(?:[a-z_]\w*\.){1,8}\w+(?:Error|Exception)\s*$|^\s+at [\w$.<>[\] ]+\(|^\s*at [\w$./<>]+:\d+|^\s*File "[^"]+", line \d+|Exception in thread|^Caused by: |^\s*\.\.\. \d+ more|^goroutine \d+|^panic: |thread '[^']*' panicked|^error\[E\d+\]|error (?:TS|CS|C)\d{4}|Segmentation fault|core dumped|\b[A-Z]\w*(?:Error|Exception)(?:\s\[\w+\])?: |^npm ERR!|^E {3}\w|undefined reference to|Uncaught \w+|^fatal: |: error: |^ERROR in |Unhandled(?: promise)? rejection/i,
  ],
  ['log', /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|^\[?\d\d:\d\d:\d\d|^\s*\[?(?:ERROR|WARN|INFO|DEBUG|FATAL)\]?[ :|]/],
  ['diff', /^diff --git |^@@ -\d|^\+\+\+ [ab/]|^--- [ab/]|^index [0-9a-f]{7}/],
  [
    'testCode',
    /^\s*(?:describe|it|test|context)(?:\.\w+)?\(['"`]|\bexpect\(|^\s*assert[ .(]|\bassert\w+\(|^\s*@(?:Test|pytest)|^\s*(?:async )?def test_|^\s*func Test[A-Z]|#\[test\]|\[(?:Fact|Test|TestMethod|Theory)\]/,
  ],
  [
    'testFile',
    /[\w-](?:\.(?:test|spec|cy)\.\w+|_test\.\w+|_spec\.rb|Tests?\.(?:java|cs|kt|php|swift))\b|\btest_\w+\.py\b|__tests__/,
  ],
  ['docFile', /\b(?:README|CHANGELOG|CONTRIBUTING)\b|[\w-]\.(?:md|mdx|rst|adoc)\b/],
  [
    'codeFile',
    /[\w-]\.(?:tsx?|jsx?|mjs|cjs|py|rb|go|rs|java|kt|cs|cpp|cc|hpp|php|swift|scala|sql|sh|css|scss|html|vue|svelte|ya?ml|json|toml|lua|dart|ex|exs|ipynb|tf|proto|gradle)\b/,
  ],
  ['prefixFeat', /^feat(?:\([^)]*\))?!?: |^\[?(?:feature(?: request)?|enhancement|proposal)\]?:? ?(?=\S)(?<=[\]:] ?)/i],
  [
    'prefixFix',
    /^\[bug\]|^bug(?: report)?: |^(?:fix|bugfix|hotfix)(?:\([^)]*\))?!?: |^(?:@\w+ )?\/(?:fix|debug|fixTestFailure)\b/i,
  ],
  ['prefixDocs', /^docs?(?:\([^)]*\))?!?: |^(?:@\w+ )?\/(?:docs?|explain|document|readme)\b/i],
  ['prefixTest', /^tests?(?:\([^)]*\))?!?: |^(?:@\w+ )?\/(?:tests?|tdd|setupTests)\b/i],
  ['prefixReview', /^(?:@\w+ )?\/(?:code-|pr-)?review\b/i],
  [
    'prefixRefactor',
    /^(?:refactor|perf)(?:\([^)]*\))?!?: |^(?:@\w+ )?\/(?:refactor|optimi[sz]e|simplify|clean(?:up)?)\b/i,
  ],
];

/** Headings of programming contests, which look like plain words. */
const EXERCISE =
  /^\W{0,4}(?:(?:Sample|Example) )?(?:Input|Output|Constraints|Example \d)(?: Format| Specification)?(?: \d)?:?\W{0,4}$|^(?:Input|Output): \S|^【?(?:输入|输出|样例)(?:格式|描述)?】?[:：]?$/;
const LONGEST_HEADING = 40;

const NONE: readonly Sign[] = [];
const EXERCISE_ALONE: readonly Sign[] = ['exercise'];

/** A line whose units are all letters, spaces and the plainest punctuation can carry none of the signs. */
const PLAIN = /^[\p{L}\p{M} ,'’-]*[.?!]?$/u;
/** The same for several sentences in a row, which the words below must not be in. */
const SENTENCES = /^(?:[\p{L}\p{M} ,'’-]|[.?!](?![^ ]))*$/u;
/** All that `PATTERNS` can find where there is nothing but letters, blanks and the plainest punctuation. */
const TELLING_WORDS =
  /Segmentation fault|core dumped|undefined reference|panicked|Uncaught|Unhandled|npm ERR|^E {3}|README|CHANGELOG|CONTRIBUTING|^\s*(?:ERROR|WARN|INFO|DEBUG|FATAL|assert)[ .]|^diff --git|^---/i;
/** Units of a line that are looked at for its form: far past any real line of a trace, a diff or a test. */
export const MAX_LINE = 400;

/** The signs that one line carries. */
export const signsOfLine = (line: string): readonly Sign[] => {
  const head = line.length > MAX_LINE ? line.slice(0, MAX_LINE) : line;
  if (head.length <= LONGEST_HEADING && EXERCISE.test(head)) return EXERCISE_ALONE;
  if (PLAIN.test(head) || (SENTENCES.test(head) && !TELLING_WORDS.test(head))) return NONE;
  let out: Sign[] | undefined;
  for (const [sign, pattern] of PATTERNS) {
    if (pattern.test(head)) (out ??= []).push(sign);
  }
  return out ?? NONE;
};
