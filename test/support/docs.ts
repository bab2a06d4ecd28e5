import { readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** A fenced block of a page. */
export interface Block {
  readonly file: string;
  /** Of its fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Under `<!-- run -->`: it works as it stands against a proxy with its usual addresses. */
  readonly run: boolean;
}

const FENCE = /^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```$/gm;

/** The fenced blocks of a page, in their order. @param file from the root of the repository */
export const blocksOf = (file: string): readonly Block[] => {
  const page = readFileSync(new URL(file, ROOT), 'utf8');
  return Array.from(page.matchAll(FENCE), ({ index, 1: indent = '', 2: language = '', 3: text = '' }) => ({
    file,
    line: page.slice(0, index).split('\n').length,
    language,
    text: indent === '' ? text : text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    run: page.slice(0, index).trimEnd().endsWith('<!-- run -->'),
  }));
};

/** README and every page of docs. */
export const pages = (): readonly string[] => [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT), { withFileTypes: true })
    .filter((each) => each.isFile() && each.name.endsWith('.md'))
    .map(({ name }) => `docs/${name}`),
];

export const readPage = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');
