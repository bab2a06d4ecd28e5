import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Scalar } from 'yaml';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue } from '../core/types.ts';
import { buildConfig } from './build.ts';
import { interpolate, shield, type Shield } from './environment.ts';
import { error, formatIssue, pathText, type Finding, type Path } from './raw.ts';
import { checkRules } from './rules.ts';
import { fileSchema } from './schema.ts';
import { schemaFindings } from './schema-findings.ts';
import { Secrets, tokenFromFile } from './secrets.ts';
import type { Config, ParseContext } from './types.ts';
import { quote } from './units.ts';

export { configDiff, redactConfig, type ConfigChange } from './describe.ts';
export { formatIssue };
export type { ParseContext };

export type ParsedConfig = Checked<{ readonly config: Config; readonly warnings: readonly Issue[] }>;

/** Bounds on what a text may unfold to: aliases can make a short text endless. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 64;

/** Where the key and the value at a path begin, as offsets into the text. */
interface Place {
  readonly key: number;
  readonly value: number;
}

interface Tree {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, Place>;
  readonly findings: readonly Finding[];
  /** Where values hold what was read from a file, by `placeKey`. */
  readonly fromFiles: ReadonlySet<string>;
}

/** Whatever is wrong with a value out of a file, a message about it would show some of it. */
const FROM_FILE = 'what ${file:…} put in does not fit here (it is not shown): look into that file';

const placeKey = (path: Path): string => JSON.stringify(path);

/** Turns YAML nodes into plain values with the environment put in, and remembers where each stands. */
const plant = (root: Node | null, hidden: Shield, env: ParseContext['env'], secrets: Secrets): Tree => {
  const places = new Map<string, Place>();
  // Kept here because yaml's own lookup walks the whole document for every alias.
  const anchors = new Map<string, Node>();
  const findings: Finding[] = [];
  const fromFiles = new Set<string>();
  let nodes = 0;

  const scalar = (node: Scalar, path: Path): unknown => {
    // An empty value is a key that is not set.
    if (node.value === null) return undefined;
    if (typeof node.value !== 'string') return node.value;
    const reading = interpolate(hidden.unshield(node.value), env, (file) => {
      fromFiles.add(placeKey(path));
      return secrets.file(file);
    });
    if (reading.ok) return reading.value;
    findings.push(error(path, reading.message));
    return undefined;
  };

  const grow = (node: unknown, path: Path, keyAt: number | undefined): unknown => {
    nodes += 1;
    const offset = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
    const at = offset ?? keyAt ?? 0;
    places.set(placeKey(path), { key: keyAt ?? at, value: at });
    if (nodes > MAX_NODES || path.length > MAX_DEPTH) throw new RangeError('it is nested too deep or repeats itself');
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isScalar(node)) return scalar(node, path);
    if (isSeq(node)) return node.items.map((item, index) => grow(item, [...path, index], undefined));
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) return grow(target, path, keyAt);
      findings.push(error(path, `there is no anchor &${node.source} before this`));
    }
    if (!isMap(node)) return undefined;
    const mapping: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? hidden.unshield(String(key.value)) : '';
      const nameAt = isScalar(key) ? key.range?.[0] : undefined;
      if (!isScalar(key) || key.value === null || name === '__proto__') {
        findings.push(error(path, 'holds a key that is not plain text'));
      } else mapping[name] = grow(value, [...path, name], nameAt ?? at);
    }
    return mapping;
  };

  const value = grow(root, [], undefined);
  return { value, places, findings, fromFiles };
};

/** YAML's own complaints, in words for whoever wrote the file. */
const syntaxMessage = (code: string, message: string, token: string): string => {
  switch (code) {
    case 'DUPLICATE_KEY':
      return `duplicate key ${quote(token)}: keep one of the two`;
    case 'TAB_AS_INDENT':
      return 'a tab indents this line: use spaces';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: one file holds one configuration, remove the "---"';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ":" on this line: put the value in quotes, or the inner key on a line of its own';
    default:
      return token.startsWith('[') || token.startsWith(']') || token.startsWith(':')
        ? `${message}: not valid YAML; put values with brackets or colons in quotes, like "[::1]:11435"`
        : `${message}: not valid YAML here`;
  }
};

/**
 * Reads a configuration: every problem at once, each with the line and column where it stands, or the whole value with
 * warnings about what has no effect. Never throws, whatever the text.
 */
export const parseConfig = (text: string, context: ParseContext): ParsedConfig => {
  try {
    return parseText(text, context);
  } catch (thrown) {
    const message = `this cannot be read as a configuration: ${errorText(thrown)}`;
    return { ok: false, issues: [{ path: '', line: 1, column: 1, message }] };
  }
};

const parseText = (text: string, context: ParseContext): ParsedConfig => {
  const lines = new LineCounter();
  const hidden = shield(text);
  const document = parseDocument(hidden.text, { lineCounter: lines, prettyErrors: false });

  const issueAt = (offset: number, path: Path, message: string): Issue => {
    const { line, col } = lines.linePos(offset);
    return { path: pathText(path), line: Math.max(1, line), column: Math.max(1, col), message };
  };
  const syntax = [...document.errors, ...document.warnings].map(({ code, pos, message }) => {
    const token = /^[\w-]+|^./.exec(hidden.unshield(hidden.text.slice(pos[0], pos[0] + 100)))?.[0] ?? '';
    return issueAt(pos[0], [], syntaxMessage(code, hidden.unshield(message), token));
  });
  // After broken YAML the tree is guesswork; a repeated key leaves the rest of it sound.
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) {
    // Further complaints about the same line are echoes of its first.
    return { ok: false, issues: syntax.filter(({ line }, index) => syntax[index - 1]?.line !== line) };
  }

  const secrets = new Secrets(context.file);
  const tree = plant(document.contents, hidden, context.env, secrets);
  const token = tokenFromFile(tree.value, secrets.file);
  const file = fileSchema.safeParse(tree.value ?? {});
  const broken = new Set(tree.findings.map(({ path }) => placeKey(path)));
  const findings = [
    ...tree.findings,
    // A value that the environment could not fill is not also "required".
    ...(file.error?.issues ?? []).flatMap(schemaFindings).filter(({ path }) => !broken.has(placeKey(path))),
    ...(token?.ok === false ? [error(['admin', 'token_file'], token.message)] : []),
    ...checkRules(tree.value, context),
  ];
  const toIssue = ({ path, message, at }: Finding): Issue => {
    let known = path;
    while (known.length > 0 && !tree.places.has(placeKey(known))) known = known.slice(0, -1);
    const place = tree.places.get(placeKey(known));
    const own = tree.fromFiles.has(placeKey(path)) && !broken.has(placeKey(path));
    return issueAt(place?.[at] ?? 0, path, own ? FROM_FILE : secrets.conceal(message));
  };
  const ordered = (issues: readonly Issue[]): readonly Issue[] =>
    issues.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const errors = [...syntax, ...findings.filter(({ level }) => level === 'error').map(toIssue)];
  const warnings = ordered(findings.filter(({ level }) => level === 'warning').map(toIssue));
  if (errors.length > 0 || !file.success) return { ok: false, issues: ordered(errors) };
  const { data } = file;
  const whole = token?.ok === true ? { ...data, admin: { ...data.admin, token: token.value } } : data;
  return { ok: true, value: { config: buildConfig(whole), warnings } };
};

/** The configuration of an empty file. Throws when the context lacks the default strategy, a mistake of the caller. */
export const defaultConfig = (context: ParseContext): Config => {
  const parsed = parseConfig('', { ...context, env: {} });
  if (parsed.ok) return parsed.value.config;
  throw new Error(parsed.issues.map((issue) => formatIssue('the defaults', issue)).join('; '));
};
