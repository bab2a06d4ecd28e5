import { defineConfig } from 'vitest/config';

const json = process.env['VITEST_JSON'];
/** Names of test files, with commas between them, that are not run: what another Node cannot change and takes long. */
const leftOut = (process.env['LEAVE_OUT'] ?? '').split(',').flatMap((name) => (name === '' ? [] : [`test/**/${name}`]));

export default defineConfig({
  test: {
    pool: 'forks',
    // Two cores: more workers than that only make real sockets wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: json === undefined ? ['default'] : ['default', 'json'],
    ...(json === undefined ? {} : { outputFile: { json } }),
    projects: [
      // Decisions on plain values share the modules that are loaded: half of the time went into loading them anew.
      { extends: true, test: { name: 'values', include: ['test/{unit,property}/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: { name: 'wire', include: ['test/**/*.test.ts'], exclude: ['test/{unit,property}/**', ...leftOut] },
      },
    ],
  },
});
