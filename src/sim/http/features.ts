/** What differs between Ollama versions and can be seen on the wire. */
export interface Features {
  /** `/api/tags` lists capabilities and training lengths; OpenAI chunks name the role once. */
  readonly modern: boolean;
  /** `/api/show` and `/v1/models/:m` name an absent model with its tag. */
  readonly tagInNotFound: boolean;
  /** Final records say how much of the prompt came from the cache. */
  readonly cachedCount: boolean;
}

const atLeast = (version: string, wanted: readonly [number, number, number]): boolean => {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, least] of wanted.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
};

/** The features of a version like `0.32.15`. */
export const featuresOf = (version: string): Features => ({
  modern: atLeast(version, [0, 30, 0]),
  tagInNotFound: atLeast(version, [0, 33, 0]),
  cachedCount: atLeast(version, [0, 33, 3]),
});
