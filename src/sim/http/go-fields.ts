/** Fields by lower-case name, with `null` left out. */
export type Fields = Readonly<Record<string, unknown>>;

export type FieldKind = 'string' | 'bool' | 'number' | 'int' | 'object' | 'array' | 'any';

/** Lower-case field name → [JSON name, kind, Go type as error messages name it]. */
export type FieldSpec = Readonly<Record<string, readonly [name: string, kind: FieldKind, goType: string]>>;

export type ReadFields =
  | { readonly ok: true; readonly fields: Fields }
  | { readonly ok: false; readonly error: string };

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const goKind = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
};

const fits = (value: unknown, kind: FieldKind): boolean => {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'number';
    case 'int':
      return Number.isInteger(value);
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'any':
      return true;
  }
};

/** An object's fields by lower-case name, as Go matches keys without case and lets the last one win. */
export const foldKeys = (value: unknown): Fields => {
  const folded: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (!isObject(value)) return folded;
  for (const [key, inner] of Object.entries(value)) if (inner !== null) folded[key.toLowerCase()] = inner;
  return folded;
};

/**
 * Reads a decoded body into the fields of a Go struct (`struct` names it in errors). Unknown keys are kept and ignored,
 * a wrong type is an error in the words of encoding/json.
 */
export const readFields = (value: unknown, struct: string, spec: FieldSpec): ReadFields => {
  if (value !== null && !isObject(value)) {
    return { ok: false, error: `json: cannot unmarshal ${goKind(value)} into Go value of type ${struct}` };
  }
  const fields = foldKeys(value);
  const short = struct.slice(struct.indexOf('.') + 1);
  for (const [key, [name, kind, goType]] of Object.entries(spec)) {
    const inner = fields[key];
    if (inner === undefined || fits(inner, kind)) continue;
    const shown = kind === 'int' && typeof inner === 'number' ? `number ${inner}` : goKind(inner);
    return {
      ok: false,
      error: `json: cannot unmarshal ${shown} into Go struct field ${short}.${name} of type ${goType}`,
    };
  }
  return { ok: true, fields };
};

export const stringField = (fields: Fields, key: string): string => {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
};

export const numberField = (fields: Fields, key: string): number | undefined => {
  const value = fields[key];
  return typeof value === 'number' ? value : undefined;
};

export const boolField = (fields: Fields, key: string): boolean | undefined => {
  const value = fields[key];
  return typeof value === 'boolean' ? value : undefined;
};

export const arrayField = (fields: Fields, key: string): readonly unknown[] => {
  const value = fields[key];
  return Array.isArray(value) ? value : [];
};
