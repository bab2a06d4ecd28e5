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
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH';
  /** Path under /admin/v1/, where one `*` stands for a name. */
  readonly path: string;
  run(call: Call): unknown;
}

/** The `limit` of a query. @throws AdminError if it is no whole number from 1 to `most` */
export const limitOf = (query: URLSearchParams, usual: number, most: number): number => {
  const limit = Number(query.get('limit') ?? usual);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new AdminError(400, `limit: a whole number from 1 to ${most}, not ${JSON.stringify(query.get('limit'))}`);
};
