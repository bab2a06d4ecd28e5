import type { Runner } from '../backends/backend.ts';
import { edited } from '../forward/embed-merge.ts';
import { itemsOf, scanBody, type Span } from '../forward/json-scan.ts';

/** A batch of texts in a request body that was scanned before. */
export interface Batch {
  readonly body: Buffer;
  readonly input: Span;
  readonly items: readonly Span[];
}

/** A model that is to be named in the place of the client's. */
export interface Rename {
  readonly span: Span;
  readonly name: string;
}

/** Fewer inputs than this are not worth a server of their own: each costs a request and perhaps a load. */
const LEAST_SHARE = 8;
const ROUTES: ReadonlySet<string> = new Set(['/api/embed', '/v1/embeddings']);

/**
 * The batch in an embedding request; undefined when it has fewer than `atLeast` inputs, or any that is no text, which a
 * server refuses in its own words.
 * @param body a whole JSON object, scanned before
 */
export const readBatch = (path: string, body: Buffer, atLeast: number): Batch | undefined => {
  if (!ROUTES.has(path)) return undefined;
  const input = scanBody(body).get('input');
  if (input?.type !== 'array') return undefined;
  const items = itemsOf(body, input);
  return items.length >= atLeast && items.every(({ type }) => type === 'string') ? { body, input, items } : undefined;
};

/** The body with the inputs `[from, to)` alone, and the model renamed where asked; every other byte as it was. */
export const partBody = ({ body, input, items }: Batch, from: number, to: number, rename?: Rename): Buffer => {
  const first = items[from]?.start ?? input.end - 1;
  const last = items[to - 1]?.end ?? first;
  const edits = [{ span: { start: input.start + 1, end: input.end - 1 }, with: [body.subarray(first, last)] }];
  if (rename !== undefined) edits.push({ span: rename.span, with: [Buffer.from(JSON.stringify(rename.name))] });
  return Buffer.concat(edited(body, edits));
};

/**
 * Which of the servers get a share, by their place in `weights`: as many of the first ones as the batch can keep busy,
 * without those whose weight would give them next to nothing.
 */
export const worthAsking = (count: number, weights: readonly number[]): readonly number[] => {
  let places = weights.map((_, place) => place).slice(0, Math.floor(count / LEAST_SHARE));
  const weightOf = (place: number): number => weights[place] ?? 0;
  for (;;) {
    const total = places.reduce((sum, place) => sum + weightOf(place), 0);
    const enough = places.filter((place) => Math.round((count * weightOf(place)) / total) >= LEAST_SHARE);
    if (enough.length === places.length) return places;
    // One at a time, because what the lightest would have got goes to the others.
    const lightest = Math.min(...places.map(weightOf));
    const out = places.findLastIndex((place) => weightOf(place) === lightest);
    places = places.filter((_, index) => index !== out);
  }
};

/** Where each share begins and ends, `[from, to)`: one after the other, sizes by weight, nothing left over. */
export const sharesOf = (
  count: number,
  weights: readonly number[],
): readonly { readonly from: number; readonly to: number }[] => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return weights.map((weight, index) => {
    const from = Math.round((count * before) / total);
    before += weight;
    // The last one takes the rest, whatever the additions lost.
    return { from, to: index === weights.length - 1 ? count : Math.round((count * before) / total) };
  });
};

/** What a server holds under the model's name; undefined where it does not say. */
export const digestOf = ({ backend, model }: Runner): string | undefined => {
  const digest = backend.installed.get(model)?.digest;
  return digest === '' ? undefined : digest;
};

/**
 * Those that hold the same files, so that their vectors can stand side by side: of several such groups the one with most
 * weight, of equal ones the first. Models that ollama.com runs have no files here.
 */
export const sameModel = (runners: readonly Runner[]): readonly Runner[] => {
  const groups = new Map<string, Runner[]>();
  for (const runner of runners) {
    const digest = digestOf(runner);
    if (digest === undefined || runner.cloud) continue;
    const key = `${runner.model} ${digest}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [runner]);
    else group.push(runner);
  }
  const weightOf = (group: readonly Runner[]): number => group.reduce((sum, { weight }) => sum + weight, 0);
  let best: readonly Runner[] = [];
  for (const group of groups.values()) if (weightOf(group) > weightOf(best)) best = group;
  return best;
};
