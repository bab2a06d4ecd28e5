import { TASK_CATEGORIES } from '../core/types.ts';
import type { TaskCategory } from '../core/types.ts';
import { CONCEPT_WORDS } from './phrases.ts';
import type { Hit } from './reader.ts';
import type { Row } from './weights.ts';

/** Log-odds by the position of a category in `TASK_CATEGORIES`. */
export type Vector = Float64Array;

/** A row of a weight table in the form that is quick to add. */
export const toVector = (row: Row): Vector => Float64Array.from(TASK_CATEGORIES, (category) => row[category] ?? 0);

/** All rows of a table as vectors. */
export const toVectors = <K extends string>(rows: Readonly<Partial<Record<K, Row>>>): ReadonlyMap<string, Vector> => {
  const out = new Map<string, Vector>();
  for (const [key, row] of Object.entries<Row | undefined>(rows)) if (row !== undefined) out.set(key, toVector(row));
  return out;
};

/** What a piece of evidence was: a phrase of ours, a word found, or a verb and its object. */
export type Source = string | Hit | { readonly verb: Hit | undefined; readonly object: Hit | undefined };

/** One piece of evidence, for people to read. */
export interface Clue {
  readonly what: string;
  /** Category to the log-odds that it added or took; those that it left alone are not named. */
  readonly weights: Readonly<Record<string, number>>;
}

interface Evidence {
  readonly source: Source;
  readonly vector: Vector;
  readonly factor: number;
}

/** The running sum of a prompt's evidence. */
export class Tally {
  readonly scores: Vector = new Float64Array(TASK_CATEGORIES.length);
  readonly #evidence: Evidence[] = [];

  /** Adds `factor` times `vector`. */
  add(source: Source, vector: Vector, factor: number): void {
    const { scores } = this;
    for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] ?? 0) + (vector[i] ?? 0) * factor;
    this.#evidence.push({ source, vector, factor });
  }

  /** The strongest pieces of evidence, at most `limit`; the same words count once, with their weights added up. */
  strongest(limit: number): readonly Clue[] {
    const sums = new Map<string, Vector>();
    for (const { source, vector, factor } of this.#evidence) {
      const what = describe(source) || 'before anything is read';
      const sum = sums.get(what) ?? new Float64Array(TASK_CATEGORIES.length);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (vector[i] ?? 0) * factor;
      sums.set(what, sum);
    }
    const size = (vector: Vector): number => Math.max(...vector.map(Math.abs));
    return [...sums]
      .toSorted(([, a], [, b]) => size(b) - size(a))
      .slice(0, limit)
      .map(([what, vector]) => ({ what, weights: weightsOf(vector) }));
  }

  /** The two strongest pieces of evidence for a category, in words; '' when nothing spoke for it. */
  reasons(category: TaskCategory): string {
    const index = TASK_CATEGORIES.indexOf(category);
    let first = '';
    let second = '';
    let firstStrength = 0;
    let secondStrength = 0;
    for (const { source, vector, factor } of this.#evidence) {
      const strength = (vector[index] ?? 0) * factor;
      if (strength <= secondStrength) continue;
      const words = describe(source);
      if (words === '' || words === first) continue;
      if (strength > firstStrength) {
        second = first;
        secondStrength = firstStrength;
        first = words;
        firstStrength = strength;
      } else {
        second = words;
        secondStrength = strength;
      }
    }
    return second === '' ? first : `${first}; ${second}`;
  }
}

const weightsOf = (vector: Vector): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const [i, category] of TASK_CATEGORIES.entries()) {
    const weight = Math.round((vector[i] ?? 0) * 100) / 100;
    if (weight !== 0) out[category] = weight;
  }
  return out;
};

const describe = (source: Source): string => {
  if (typeof source === 'string') return source;
  if ('concept' in source) return phrase(source);
  const { verb, object } = source;
  if (verb === undefined) return object === undefined ? '' : phrase(object);
  return object === undefined ? phrase(verb) : `${phrase(verb)} and ${phrase(object)}`;
};

/** The words of the lexicon are shown where they are ASCII, because `why` travels in a header; never the prompt's own. */
const phrase = ({ concept, words }: Hit): string =>
  /^[ -~]+$/.test(words) ? `${CONCEPT_WORDS[concept]} ("${words}")` : CONCEPT_WORDS[concept];
