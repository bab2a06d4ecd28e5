/** What a call came to: its result, or everything by which a program can tell one exception from another. */
export type Came =
  | { readonly result: unknown }
  | {
      readonly thrown: {
        readonly constructor: string;
        readonly name: string;
        readonly message: string;
        readonly rest: Readonly<Record<string, unknown>>;
      };
    };

/** Members that name one moment, one run or one connection; the rest must be equal, their types too. */
const VOLATILE =
  /^(created_at|created|completed_at|expires_at|modified_at|.*_duration|requestID|request_id|_request_id|headers|stack)$/;

/** Ids that a server makes up for each answer; others, a model's say, must be equal. */
const MADE_UP = /^(chatcmpl|cmpl|resp|msg|call|fc|rs|toolu|req)[-_]/;

const steady = (value: unknown, name = ''): unknown => {
  if (typeof value === 'string' && /^(id|item_id|call_id)$/.test(name) && MADE_UP.test(value)) return 'a made-up id';
  if (VOLATILE.test(name)) return value === null || value === undefined ? value : `some ${typeof value}`;
  if (Array.isArray(value)) return value.map((item) => steady(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, steady(inner, key)]));
};

/** Runs a call and tells what came of it, without what differs from run to run. */
export const cameOf = async (run: () => Promise<unknown>): Promise<Came> => {
  try {
    return { result: steady(await run()) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const rest = Object.fromEntries(
      Object.entries(error).filter(([key]) => !VOLATILE.test(key) && key !== 'name' && key !== 'message'),
    );
    return {
      thrown: { constructor: error.constructor.name, name: error.name, message: error.message, rest: { ...rest } },
    };
  }
};

/** Everything that an asynchronous iterable gives. */
export const drained = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
