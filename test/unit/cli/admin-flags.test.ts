import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminTarget } from '../../../src/cli/admin-flags.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'admin-flags-'));
  writeFileSync(join(folder, 'token'), 'from the file\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('where the proxy is and how to get in', () => {
  it('is said by flags, then the environment, then the usual place', () => {
    const env = { TASK_ROUTER_ADMIN_URL: 'http://env:1', TASK_ROUTER_ADMIN_TOKEN: 'from the environment' };
    expect(adminTarget({}, {})).toEqual({ admin: 'http://127.0.0.1:11436', token: undefined });
    expect(adminTarget({}, env)).toEqual({ admin: 'http://env:1', token: 'from the environment' });
    expect(adminTarget({ admin: 'http://flag:1', token: 'flag' }, env)).toEqual({
      admin: 'http://flag:1',
      token: 'flag',
    });
    expect(adminTarget({ 'token-file': join(folder, 'token') }, env).token).toBe('from the file');
    expect(adminTarget({}, { TASK_ROUTER_ADMIN_URL: '', TASK_ROUTER_ADMIN_TOKEN: '' }).token).toBeUndefined();
  });

  it('is refused with two tokens, and with a file that is none', () => {
    expect(() => adminTarget({ token: 'a', 'token-file': join(folder, 'token') }, {})).toThrow('two tokens');
    expect(() => adminTarget({ 'token-file': join(folder, 'none') }, {})).toThrow(
      /--token-file: .* there is no such file/,
    );
  });
});
