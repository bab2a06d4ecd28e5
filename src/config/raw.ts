import type { Issue } from '../core/types.ts';
import type { ParseContext } from './types.ts';

/** Where in the file: keys, and indexes of lists. */
export type Path = readonly PropertyKey[];

/** A problem at a place of the file's tree, before its line is known. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** Which end of `key: value` is to be pointed at. */
  readonly at: 'key' | 'value';
  readonly level: 'error' | 'warning';
}

/** A problem that keeps a configuration from being used. */
export const error = (path: Path, message: string, at: Finding['at'] = 'value'): Finding => ({
  path,
  message,
  at,
  level: 'error',
});

/**
 * What one key alone cannot tell. A rule reads the tree as it was written and passes over what is broken in itself, so
 * that what it finds is reported together with the problems of single values.
 */
export type Rule = (tree: unknown, context: ParseContext) => readonly Finding[];

/** The path as people write it: `backends[0].url`, `aliases["gpt-4.1"]`. */
export const pathText = (path: Path): string => {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(String(step))) text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
};

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path of an unchecked tree; undefined where the path leads nowhere. */
export const valueAt = (tree: unknown, ...path: Path): unknown => {
  let value = tree;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === 'number') value = value[step] as unknown;
    else if (isMapping(value) && Object.hasOwn(value, step)) value = value[String(step)];
    else return undefined;
  }
  return value;
};

/** The pairs of the mapping at a path; none where there is no mapping. */
export const entriesAt = (tree: unknown, ...path: Path): readonly (readonly [string, unknown])[] => {
  const value = valueAt(tree, ...path);
  return isMapping(value) ? Object.entries(value) : [];
};

/** The items of the list at a path; none where there is no list. */
export const itemsAt = (tree: unknown, ...path: Path): readonly unknown[] => {
  const value = valueAt(tree, ...path);
  return Array.isArray(value) ? value : [];
};

/** One problem as a line of text. An issue without a line comes from a flag or a variable, which its path names. */
export const formatIssue = (file: string, issue: Issue): string => {
  const message = issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`;
  return issue.line === 0 ? message : `${file}:${issue.line}:${issue.column}: ${message}`;
};
