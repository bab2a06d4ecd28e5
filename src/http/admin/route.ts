import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Control } from '../control.ts';

/** A refusal of an admin call: status and what to do about it. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly status: number;
  readonly detail: object;

  constructor(status: number, message: string, detail: object = {}) {
    super(message);
    this.status = status;
    this.detail = detail;
  }
}

/** The answer of a call that is no JSON: whoever it is given to writes it, head and all, and ends it. */
export class Takeover {
  readonly begin: (res: ServerResponse) => void;

  constructor(begin: (res: ServerResponse) => void) {
    this.begin = begin;
  }
}

export interface Call {
  readonly control: Control;
  readonly who: string;
  readonly query: URLSearchParams;
  /** What stood in the place of the `*` of the pattern. */
  readonly name: string;
  readonly body: <T>(schema: z.ZodType<T>) => Promise<T>;
  /** The body as it came. */
  readonly bytes: () => Promise<Buffer>;
}

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Path under /admin/v1/, where one `*` stands for a name. */
  readonly path: string;
  /** Of a call that went well; 200 unless given. */
  readonly status?: 200 | 201;
  run(call: Call): unknown;
}

/** A flag of a query, `?drain=false`. @throws AdminError if it is neither true nor false */
export const flagOf = (query: URLSearchParams, name: string, usual: boolean): boolean => {
  const text = query.get(name) ?? String(usual);
  if (text === 'true' || text === 'false') return text === 'true';
  throw new AdminError(400, `${name}: true or false, not ${JSON.stringify(text)}`);
};

/** The `limit` of a query. @throws AdminError if it is no whole number from 1 to `most` */
export const limitOf = (query: URLSearchParams, usual: number, most: number): number => {
  const limit = Number(query.get('limit') ?? usual);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new AdminError(400, `limit: a whole number from 1 to ${most}, not ${JSON.stringify(query.get('limit'))}`);
};
