import type { LoadedRecord } from './store.ts';

type Data = Readonly<Record<string, unknown>>;

/** From version n to n + 1, at index n. A step gives no record where it recognizes nothing. */
const STEPS: readonly ((records: readonly Data[]) => readonly LoadedRecord[])[] = [
  (values) => values.flatMap(fromLibrary),
];

/** Brings records of a version up to the present one, step by step. @param version 0 … the present one */
export const migrate = (version: number, records: readonly Data[]): readonly LoadedRecord[] => {
  let migrated: readonly Data[] = records;
  for (const step of STEPS.slice(version)) migrated = step(migrated);
  return migrated as readonly LoadedRecord[];
};

/**
 * Version 0: a snapshot of the library's `TaskRouter`, whose models are called `BACKEND/MODEL` as candidates are in the
 * proxy (the name of a backend holds no slash). It knows no URLs and no ages of breakers besides their own.
 */
const fromLibrary = (snapshot: Data): readonly LoadedRecord[] => {
  const learned = new Map(named(field(snapshot['learned'], 'candidates')));
  const models = new Map(named(snapshot['models']));
  return [...new Set([...models.keys(), ...learned.keys()])].flatMap((id) => {
    const slash = id.indexOf('/');
    if (slash < 1) return [];
    const { breaker, metrics } = models.get(id) ?? {};
    return [
      {
        kind: 'runner',
        backend: id.slice(0, slash),
        model: id.slice(slash + 1),
        ...(breaker === undefined ? {} : { breaker }),
        ...(metrics === undefined ? {} : { metrics }),
        ...(learned.has(id) ? { learned: learned.get(id) } : {}),
      },
    ];
  });
};

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Data)[name] : undefined;

const named = (list: unknown): readonly (readonly [string, Data])[] =>
  Array.isArray(list)
    ? list.flatMap((item: unknown) => {
        const id = field(item, 'id');
        return typeof id === 'string' ? [[id, item as Data] as const] : [];
      })
    : [];
