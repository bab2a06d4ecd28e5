import { MAX_LINE, signsOfLine } from './signs.ts';
import type { Sign } from './signs.ts';

/** Units read from the start and from the end of a text; what lies between is not looked at. */
export const HEAD_UNITS = 2048;
export const TAIL_UNITS = 512;

/** A stretch of the text that is read as one: somebody's own words, or something pasted. */
export interface Block {
  readonly start: number;
  readonly end: number;
  readonly kind: 'prose' | 'pasted';
}

export interface Layout {
  /** The text that the blocks point into: the input, or its head and tail. */
  readonly text: string;
  readonly blocks: readonly Block[];
  /** How often each structural sign was seen. */
  readonly signs: ReadonlyMap<Sign, number>;
}

/** Head and tail of a long text, as one text. White space at the end never matters. */
export const capped = (text: string): string => {
  const trimmed = text.trimEnd();
  if (trimmed.length <= HEAD_UNITS + TAIL_UNITS) return trimmed;
  return `${trimmed.slice(0, HEAD_UNITS)}\n${trimmed.slice(-TAIL_UNITS)}`;
};

/**
 * Splits a text into the writer's own lines and pasted ones: fenced code, lines that look like code, diffs, stack
 * traces and logs. Linear in the text, which is capped first.
 */
export const layOut = (input: string): Layout => {
  const text = capped(input);
  const blocks: Block[] = [];
  const signs = new Map<Sign, number>();
  let fence: string | undefined;
  let docstring: string | undefined;
  let start = 0;
  while (start <= text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (end === start) {
      start = end + 1;
      continue;
    }
    const line = text.slice(start, end);
    const marker = fenceMarker(line);
    if (marker !== undefined && (fence === undefined || marker === fence)) {
      fence = fence === undefined ? marker : undefined;
      count(signs, 'fence');
    } else {
      const seen = signsOfLine(line);
      for (const sign of seen) count(signs, sign);
      const inDocstring = docstring !== undefined;
      docstring = afterDocstring(line, docstring);
      const continues = blocks.at(-1)?.kind === 'pasted' && blocks.at(-1)?.end === start - 1 && INDENTED.test(line);
      const isPasted =
        continues || fence !== undefined || inDocstring || docstring !== undefined || looksPasted(line, seen);
      const kind = isPasted ? 'pasted' : 'prose';
      if (isPasted && fence === undefined && !seen.includes('trace') && !seen.includes('log')) count(signs, 'pasted');
      if (line.trim() !== '') push(blocks, { start, end, kind });
    }
    start = end + 1;
  }
  return { text, blocks: joined(text, blocks), signs };
};

/** A line of prose between pasted ones belongs to them, unless it is wordy: code has lines that look like nothing. */
const joined = (text: string, blocks: readonly Block[]): readonly Block[] => {
  const out: Block[] = [];
  for (const [i, block] of blocks.entries()) {
    const last = out.at(-1);
    const between = last?.kind === 'pasted' && blocks[i + 1]?.kind === 'pasted';
    const isStray = block.kind === 'prose' && between && isTerse(text.slice(block.start, block.end));
    if (last?.kind === 'pasted' && (block.kind === 'pasted' || isStray)) {
      out[out.length - 1] = { start: last.start, end: block.end, kind: 'pasted' };
    } else out.push(block);
  }
  return out;
};

/** No sentence: fewer than four words in a row, and no question. */
const isTerse = (line: string): boolean =>
  line.length <= MAX_LINE && !WORDY_START.test(line.trim()) && !/[?？。]\s*$/.test(line);

const count = (signs: Map<Sign, number>, sign: Sign): void => {
  signs.set(sign, (signs.get(sign) ?? 0) + 1);
};

/** Adjacent pasted lines join; prose keeps a block a line, because a line of prose is often a sentence. */
const push = (blocks: Block[], block: Block): void => {
  const last = blocks.at(-1);
  if (last?.kind === 'pasted' && block.kind === 'pasted') {
    blocks[blocks.length - 1] = { start: last.start, end: block.end, kind: 'pasted' };
  } else blocks.push(block);
};

const fenceMarker = (line: string): string | undefined => {
  const trimmed = line.trimStart();
  if (trimmed.startsWith('```')) return '```';
  return trimmed.startsWith('~~~') ? '~~~' : undefined;
};

/** Deeper than prose ever is, and no item of a list. */
const INDENTED = /^(?: {2,}|\t)\s*[^\s\-*+•\d]/;

/** The kind of docstring that is open after a line, if any: three quotes, or a block comment. */
const afterDocstring = (line: string, open: string | undefined): string | undefined => {
  const trimmed = line.trim();
  if (open !== undefined) return trimmed.includes(open) ? undefined : open;
  for (const [begin, close] of DOCSTRINGS) {
    const rest = trimmed.startsWith('r') ? trimmed.slice(1) : trimmed;
    if (rest.startsWith(begin)) return rest.includes(close, begin.length) ? undefined : close;
  }
  return undefined;
};
const DOCSTRINGS: readonly (readonly [string, string])[] = [
  ['"""', '"""'],
  ["'''", "'''"],
  ['/*', '*/'],
];

/** Words that begin a line of code and hardly ever a line of prose, with what follows them. */
const CODE_START =
  /^(?:import (?:type |\{|\* as )|\} from ['"]|export (?:type|interface|default|abstract|enum) |export \{|(?:declare )?(?:type|interface|enum) \w+ ?[={<]|readonly \w+|import [\w{*"'.]+(?:$|[ ;,{}*.]*(?:from|as|;|$))|from [\w.]+ import |def \w+ ?\(|async def |class \w+ ?[({:<]|class \w+ (?:extends|implements) |(?:export |async |static |pub )*(?:function|func|fn) ?\*? ?\w*[(<]|(?:export )?(?:const|let|var|val) [\w[{]|(?:public|private|protected|internal) \w+[ (<]|return\b.*;$|if ?\(|elif |else ?[:{]|for ?\(|while ?\(|switch ?\(|#include|using [\w.]+;|namespace [\w.\\]+|package [\w.]+;?$|@\w+(?:\(|$)|<\?php|<\/?\w+[ >]|\$ \w|>>> |SELECT .+ FROM |INSERT INTO |CREATE TABLE |\/\/|\/\*|\* @|"""|''')/;

/** Four words in a row, or "fix this: ": somebody is talking, even if code follows on the same line. */
const WORDY_START = /^\p{L}[\p{L}'’]*(?:(?: [\p{L}'’]+,?){3}| [\p{L}'’]+(?: [\p{L}'’]+)?: )/u;

const CODE_END = /(?:[{};]|=>|\)\s*:|\]\s*,?|\),?)\s*$/;

const looksPasted = (line: string, seen: readonly Sign[]): boolean => {
  if (seen.includes('trace') || seen.includes('diff') || seen.includes('log')) return true;
  const trimmed = line.slice(0, MAX_LINE).trim();
  if (trimmed === '') return false;
  if (CODE_START.test(trimmed)) return true;
  if (trimmed.startsWith('> ')) return true; // a quotation
  if (WORDY_START.test(trimmed)) return false;
  const punctuation = codePunctuation(trimmed);
  if (punctuation >= 2 && CODE_END.test(trimmed) && punctuation * 12 >= trimmed.length) return true;
  if (punctuation * 6 >= trimmed.length && trimmed.length >= 8) return true;
  const indented = line.startsWith('    ') || line.startsWith('\t');
  return indented && punctuation >= 2 && punctuation * 14 >= trimmed.length;
};

const codePunctuation = (text: string): number => {
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // ( ) ; < = > [ ] { | }
    if (
      unit === 0x28 ||
      unit === 0x29 ||
      (unit >= 0x3b && unit <= 0x3e) ||
      unit === 0x5b ||
      unit === 0x5d ||
      (unit >= 0x7b && unit <= 0x7d)
    ) {
      seen++;
    }
  }
  return seen;
};
