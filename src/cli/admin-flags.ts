import { readSecretFile } from '../config/secret-file.ts';
import { DEFAULT_ADMIN } from './admin-client.ts';

/** Options of every verb that asks a running proxy, for `parseArgs`. */
export const ADMIN_OPTIONS = {
  admin: { type: 'string' },
  token: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface AdminValues {
  readonly admin?: string | undefined;
  readonly token?: string | undefined;
  readonly 'token-file'?: string | undefined;
}

export interface AdminTarget {
  /** URL of the admin listener, as the user wrote it. */
  readonly admin: string;
  /** undefined = none is sent */
  readonly token: string | undefined;
}

/**
 * Where the proxy is and how to get in: flags, then environment, then the usual place without a token.
 * @throws {Error} when the file of the token cannot be used, or two tokens are given
 */
export const adminTarget = (values: AdminValues, env: Readonly<Record<string, string | undefined>>): AdminTarget => {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const admin = values.admin ?? given('TASK_ROUTER_ADMIN_URL') ?? DEFAULT_ADMIN;
  const file = values['token-file'];
  if (file === undefined) return { admin, token: values.token ?? given('TASK_ROUTER_ADMIN_TOKEN') };
  if (values.token !== undefined) throw new Error('--token and --token-file are two tokens; give one of them');
  const reading = readSecretFile(file);
  if (!reading.ok) throw new Error(`--token-file: ${reading.message}`);
  return { admin, token: reading.value };
};
