/** Marks a value that a recording masks; stands for any value. */
const ANY = '\u0001any';

/** Reads recorded JSON in which `*` stands for values that change, bare or inside strings. */
const parseRecorded = (text: string): unknown =>
  JSON.parse(text.replace(/(?<=[[:,])\*(?=[\],}])/g, JSON.stringify(ANY)));

const escape = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** Whether a text fits one in which `*` and digests of the machine stand for anything. */
export const fitsMask = (mask: string, text: string): boolean => {
  const open = escape(mask.replace(/\{HOST\}/g, '*').replace(/[0-9a-f]{64}/g, '*')).replace(/\*/g, '[\\s\\S]*');
  return new RegExp(`^${open}$`).test(text);
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects whose keys depend on the model's architecture. */
const OPAQUE = new Set(['model_info', 'tensors', 'capabilities']);

/** The first difference between a recorded value and ours, '' if none. Without `strict` only shapes are compared. */
const difference = (recorded: unknown, ours: unknown, strict: boolean, path: string): string => {
  if (recorded === ANY) return '';
  if (isRecord(recorded)) {
    if (!isRecord(ours)) return `${path}: an object there`;
    const wanted = Object.keys(recorded).join();
    const got = Object.keys(ours).join();
    if (wanted !== got) return `${path}: keys ${wanted}, ours ${got}`;
    for (const [key, value] of Object.entries(recorded)) {
      const found = OPAQUE.has(key) ? '' : difference(value, ours[key], strict, `${path}.${key}`);
      if (found !== '') return found;
    }
    return '';
  }
  if (Array.isArray(recorded)) {
    if (!Array.isArray(ours)) return `${path}: a list there`;
    if (strict && recorded.length !== ours.length) return `${path}: ${recorded.length} items, ours ${ours.length}`;
    if ((recorded.length === 0) !== (ours.length === 0)) return `${path}: one list is empty`;
    return recorded.length === 0 ? '' : difference(recorded[0], ours[0], strict, `${path}[0]`);
  }
  if (typeof recorded !== typeof ours) return `${path}: ${typeof recorded}, ours ${typeof ours}`;
  if (!strict) return '';
  const same = typeof recorded === 'string' ? fitsMask(recorded, String(ours)) : recorded === ours;
  return same ? '' : `${path}: ${JSON.stringify(recorded)}, ours ${JSON.stringify(ours)}`;
};

/** Compares two bodies: JSON by shape (values too with `strict`), everything else as text. */
export const bodyDifference = (recorded: string, ours: string, strict: boolean): string => {
  if (!/^[[{]/.test(recorded)) return fitsMask(recorded, ours) ? '' : `text ${recorded}, ours ${ours}`;
  if (recorded.endsWith('\n') !== ours.endsWith('\n')) return 'newline at the end';
  try {
    return difference(parseRecorded(recorded), JSON.parse(ours), strict, '$');
  } catch (error) {
    return `not JSON: ${String(error)}`;
  }
};

const TERMINAL = /"(?:done":true|finish_reason":"|usage":\{"prompt_tokens":[1-9])/;

/** One line as a shape; lines of the same shape in a row count once. */
const lineKind = (line: string): string => {
  const json = line.replace(/^data: /, '');
  if (!json.startsWith('{')) return line;
  const keys = (value: unknown): unknown =>
    isRecord(value)
      ? Object.entries(value).map(([key, inner]) => [key, key === 'content' || key === 'output' ? 0 : keys(inner)])
      : 0;
  const status = /"(?:status|type|error)":"([^"]*)"/.exec(json)?.[1] ?? '';
  const said = json.startsWith('{"type"') || json.includes('"sequence_number"') ? status : '';
  return `${line.startsWith('data: ') ? 'data ' : ''}${said} ${JSON.stringify(keys(parseRecorded(json)))} ${TERMINAL.test(json)}`;
};

/** Compares the lines of two streams by their kinds in order, runs of one kind taken as one. */
export const streamDifference = (recorded: readonly string[], ours: readonly string[]): string => {
  const collapse = (lines: readonly string[]): string[] => {
    const kinds = lines.map(lineKind);
    const text = kinds.join('\u0002').split('\u0002');
    const kept: string[] = [];
    for (const kind of text) {
      // Server-sent events alternate with empty lines and event names, so a run repeats with a period of up to three.
      const repeats = [1, 2, 3].some((period) => {
        const block = kept.slice(-period);
        const earlier = kept.slice(-2 * period, -period);
        return block.length === period && earlier.length === period && block.join('\u0002') === earlier.join('\u0002');
      });
      if (repeats) kept.splice(-periodOf(kept));
      kept.push(kind);
    }
    while (periodOf(kept) > 0) kept.splice(-periodOf(kept));
    return kept;
  };
  const [wanted, got] = [collapse(recorded), collapse(ours)];
  const index = wanted.findIndex((kind, position) => kind !== got[position]);
  if (index >= 0) return `line ${index}: ${wanted[index]}\n      ours: ${got[index]}`;
  return wanted.length === got.length ? '' : `${wanted.length} kinds of lines, ours ${got.length}`;
};

const periodOf = (kept: readonly string[]): number =>
  [1, 2, 3].find((period) => {
    const block = kept.slice(-period);
    const earlier = kept.slice(-2 * period, -period);
    return block.length === period && earlier.length === period && block.join('\u0002') === earlier.join('\u0002');
  }) ?? 0;
