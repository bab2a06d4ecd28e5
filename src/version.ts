import { readFileSync } from 'node:fs';

/** The version in package.json, beside `src` and `dist` alike. */
export const productVersion = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version: unknown }).version);
};
