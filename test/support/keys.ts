import { createHash } from 'node:crypto';

/** A made-up API key. */
export const keyOf = (name: string): string => `otr_test-${name}-0123456789abcdefghijklmnop`;

/** Its hash as the configuration has it, without the name of the hash. */
export const digestHex = (key: string): string => createHash('sha256').update(key).digest('hex');

/** An entry of `auth.keys` for the key of this name. */
export const keyEntry = (name: string, more: Readonly<Record<string, unknown>> = {}): object => ({
  name,
  hash: `sha256:${digestHex(keyOf(name))}`,
  ...more,
});

/** `auth` as YAML. */
export const authText = (...entries: readonly object[]): string => `auth: ${JSON.stringify({ keys: entries })}`;

export const bearer = (name: string): { readonly authorization: string } => ({
  authorization: `Bearer ${keyOf(name)}`,
});
