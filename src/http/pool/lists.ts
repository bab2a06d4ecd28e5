import { modelKey, withTag } from '../../core/model-name.ts';

/**
 * The lists of several servers as one server would give them. Entries are handed on as the servers wrote them, unknown
 * members included, so that newer fields reach newer clients.
 */
export type Entry = Readonly<Record<string, unknown>>;

/** What one backend lists. */
export interface Listing {
  readonly backend: string;
  readonly entries: readonly Entry[];
}

/** A name that stands for other models (alias or virtual model), with the real model whose entry it shows. */
export interface Stand {
  readonly name: string;
  readonly of: readonly string[];
}

const text = (entry: Entry, key: string): string => {
  const value = entry[key];
  return typeof value === 'string' ? value : '';
};
const number = (entry: Entry, key: string): number => {
  const value = entry[key];
  return typeof value === 'number' ? value : 0;
};

/** ms since 1970, or 0: Go writes zone offsets and nanoseconds, which Date.parse takes. */
const time = (entry: Entry, key: string): number => Date.parse(text(entry, key)) || 0;

/** The name under which an entry is listed. */
export const nameOf = (entry: Entry): string => text(entry, 'name') || text(entry, 'model');

/** Newest first, as Ollama sorts; equal seconds by name, because Ollama leaves them in random order from call to call. */
const byAge = (a: Entry, b: Entry): number => {
  const seconds = Math.floor(time(b, 'modified_at') / 1000) - Math.floor(time(a, 'modified_at') / 1000);
  return seconds !== 0 ? seconds : nameOf(a) < nameOf(b) ? -1 : 1;
};

/** An entry may be listed once per runner on newer servers: what sets two entries of one name apart. */
const variantOf = (entry: Entry): string => text(entry, 'runner');

/**
 * The union of what the backends have on disk (`models` of `/api/tags`). Of one name on several backends the newest
 * entry stands; aliases and virtual models are added with the entry of the first real model that is there.
 */
export const mergeTags = (listings: readonly Listing[], stands: readonly Stand[]): readonly Entry[] => {
  const merged = new Map<string, Entry>();
  for (const { entries } of listings) {
    for (const entry of entries) {
      const key = `${modelKey(nameOf(entry))} ${variantOf(entry)}`;
      const known = merged.get(key);
      if (known === undefined || time(entry, 'modified_at') > time(known, 'modified_at')) merged.set(key, entry);
    }
  }
  const real = new Map([...merged.values()].map((entry) => [modelKey(nameOf(entry)), entry]));
  const added: Entry[] = [];
  for (const { name, of } of stands) {
    if (real.has(modelKey(name))) continue;
    const shown = of.map((model) => real.get(modelKey(model))).find((entry) => entry !== undefined);
    const listed = withTag(name);
    if (shown !== undefined) added.push({ ...shown, name: listed, model: listed });
  }
  return [...merged.values(), ...added].toSorted(byAge);
};

/** Names under which backends have different digests, with who has which. */
export interface DigestSkew {
  readonly model: string;
  readonly digests: readonly { readonly backend: string; readonly digest: string }[];
}

/** Finds names whose digests differ between backends: they may not answer alike. */
export const digestSkew = (listings: readonly Listing[]): readonly DigestSkew[] => {
  const holders = new Map<string, { backend: string; digest: string }[]>();
  for (const { backend, entries } of listings) {
    for (const entry of entries) {
      const digest = text(entry, 'digest');
      if (digest === '') continue;
      const key = modelKey(nameOf(entry));
      const known = holders.get(key);
      if (known === undefined) holders.set(key, [{ backend, digest }]);
      else known.push({ backend, digest });
    }
  }
  return [...holders].flatMap(([model, digests]) =>
    digests.some(({ digest }) => digest !== digests[0]?.digest) ? [{ model, digests }] : [],
  );
};

/**
 * What the backends have in memory (`models` of `/api/ps`), one entry per name: sizes add up to what the pool holds,
 * the longest stay counts, and the smallest context, because a client that reads it may be sent to any of them.
 * Longest remaining first, as Ollama sorts.
 */
export const mergePs = (listings: readonly Listing[]): readonly Entry[] => {
  const merged = new Map<string, Entry>();
  for (const { entries } of listings) {
    for (const entry of entries) {
      const key = `${modelKey(nameOf(entry))} ${variantOf(entry)}`;
      const known = merged.get(key);
      merged.set(key, known === undefined ? entry : together(known, entry));
    }
  }
  return [...merged.values()].toSorted((a, b) => time(b, 'expires_at') - time(a, 'expires_at'));
};

const together = (a: Entry, b: Entry): Entry => {
  const later = time(b, 'expires_at') > time(a, 'expires_at') ? b : a;
  const contexts = [number(a, 'context_length'), number(b, 'context_length')].filter((context) => context > 0);
  return {
    ...later,
    size: number(a, 'size') + number(b, 'size'),
    size_vram: number(a, 'size_vram') + number(b, 'size_vram'),
    ...(contexts.length > 0 ? { context_length: Math.min(...contexts) } : {}),
  };
};

/** Tags as `/v1/models` lists them (openai/openai.go, ToListCompletion): `data` is null where there are no models. */
export const openaiModels = (tags: readonly Entry[]): object => ({
  object: 'list',
  data: tags.length === 0 ? null : tags.map(openaiModel),
});

/** One model in OpenAI's shape; `owned_by` is the namespace. */
export const openaiModel = (tag: Entry): object => {
  const parts = nameOf(tag).split('/');
  return {
    id: nameOf(tag),
    object: 'model',
    created: Math.floor(time(tag, 'modified_at') / 1000),
    owned_by: parts.at(-2) ?? 'library',
  };
};

/** Compares versions number by number; what is no number sorts as text after it. */
const compareVersions = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** The lowest version in the pool: a client may use only what every server has. Development builds say 0.0.0. */
export const lowestVersion = (versions: readonly string[]): string | undefined =>
  versions.filter((version) => version !== '').toSorted(compareVersions)[0];
