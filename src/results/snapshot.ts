/** A saved state does not have the shape it must have. `path` says where, as in `candidates[3].ageMs`. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly path: string;

  constructor(path: string, expected: string, found: unknown) {
    const shown =
      typeof found === 'object' && found !== null ? (Array.isArray(found) ? 'a list' : 'an object') : show(found);
    super(`cannot restore: ${path} must be ${expected}, found ${shown}; nothing was changed`);
    this.path = path;
  }
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

/** An object with unknown fields. @throws {SnapshotError} */
export const readObject = (value: unknown, path: string): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SnapshotError(path, 'an object', value);
  return value as Record<string, unknown>;
};

/** A list. @throws {SnapshotError} */
export const readList = (value: unknown, path: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw new SnapshotError(path, 'a list', value);
  return value;
};

/** A string that is not empty. @throws {SnapshotError} */
export const readName = (value: unknown, path: string): string => {
  if (typeof value !== 'string' || value === '') throw new SnapshotError(path, 'a non-empty string', value);
  return value;
};

/** A finite number ≥ 0. @throws {SnapshotError} */
export const readAmount = (value: unknown, path: string): number => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new SnapshotError(path, 'a number of 0 or more', value);
  return value;
};

/** A whole number ≥ 0. @throws {SnapshotError} */
export const readCount = (value: unknown, path: string): number => {
  const count = readAmount(value, path);
  if (!Number.isSafeInteger(count)) throw new SnapshotError(path, 'a whole number of 0 or more', value);
  return count;
};

/** The one version that can be read. @throws {SnapshotError} */
export const readVersion = (value: unknown, path: string, version: number): void => {
  if (value !== version) throw new SnapshotError(path, `${version}, the only version this release reads`, value);
};
