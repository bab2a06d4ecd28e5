/**
 * Ollama's model names (types/model/name.go and internal/modelref/modelref.go at v0.33):
 * `[host/][namespace/]model[:tag]`, compared part by part without case, with the defaults `registry.ollama.ai`,
 * `library` and `latest`. A tag is what follows the last `:` if that comes after the last `/`, because a host may carry
 * a port. A source may follow the tag: `:local` asks for a model on disk, `:cloud` (or a tag that ends in `-cloud`) for
 * one that ollama.com runs.
 */
const DEFAULT_HOST = 'registry.ollama.ai/';
const DEFAULT_NAMESPACE = 'library/';

const hasTag = (name: string): boolean => name.lastIndexOf(':') > name.lastIndexOf('/');

/** How many parts are in front of the model's own name. */
const leadingParts = (name: string): number => {
  let parts = 0;
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) parts++;
  return parts;
};

/** Names whose keys are kept: more than any pool has, while nobody can fill memory with names that he makes up. */
const KEYS_KEPT = 1_024;
const LONGEST_KEPT = 256;
const keys = new Map<string, string>();

/**
 * The one spelling under which a name is compared and counted: trimmed, lower case, without a scheme, default host and
 * namespace dropped, tag always present, source suffixes as the server resolves them. `Llama3`,
 * `registry.ollama.ai/library/llama3:latest` and `llama3:local` all give `llama3:latest`; `gpt-oss:120b:cloud` gives
 * `gpt-oss:120b-cloud`, the name under which a server lists it once it was pulled.
 */
export const modelKey = (name: string): string => {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = keyOf(name);
  if (name.length <= LONGEST_KEPT) {
    if (keys.size >= KEYS_KEPT) keys.clear();
    keys.set(name, key);
  }
  return key;
};

const keyOf = (name: string): string => {
  let key = name.trim().toLowerCase();
  const scheme = key.indexOf('://');
  if (scheme !== -1) key = key.slice(scheme + 3);
  if (leadingParts(key) === 2 && key.startsWith(DEFAULT_HOST)) key = key.slice(DEFAULT_HOST.length);
  if (leadingParts(key) === 1 && key.startsWith(DEFAULT_NAMESPACE)) key = key.slice(DEFAULT_NAMESPACE.length);
  if (key.endsWith(':local')) key = key.slice(0, -':local'.length);
  if (key.endsWith(':cloud')) {
    const base = key.slice(0, -':cloud'.length);
    if (hasTag(base)) key = `${base}-cloud`;
  }
  return withTag(key);
};

/** A name with its tag written out, as `/api/tags` lists it. */
export const withTag = (name: string): string => (hasTag(name) ? name : `${name}:latest`);

/**
 * Does the name ask for a model that ollama.com runs? Any server that is signed in there can serve it, listed or not,
 * and it takes none of the server's memory or slots.
 */
export const isCloudName = (name: string): boolean => {
  const trimmed = name.trim().toLowerCase();
  if (!hasTag(trimmed)) return false;
  const tag = trimmed.slice(trimmed.lastIndexOf(':') + 1).trim();
  return tag === 'cloud' || tag.endsWith('-cloud');
};
