import { expect } from 'vitest';
import { ProxyError } from '../../../src/core/errors.ts';

/** The refusal with which a function ends; fails the test when it does not. */
export const thrownBy = (run: () => unknown): ProxyError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  return expect.fail('it did not refuse');
};
