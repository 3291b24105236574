import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { PATIENCE_MS } from './test/support/patience.js';

const MINUTE_MS = 60_000;
/** They end what hangs. What is only slow, on a machine that does other things too, is no failure. */
const IS_FULL = process.env['GUARANTEES'] === 'full';
const LIMIT_MS = (IS_FULL ? 60 : 10) * MINUTE_MS;

/** It takes a quarter of an hour. Of its outages, test/e2e/fleet.spec.ts has one, and two, in the short form. */
const OUTAGES = IS_FULL ? [] : ['test/guarantees/fleet-brokers.spec.ts'];

/** They install hundreds of megabytes: `npm run test:integrations` runs them. */
const FRAMEWORKS =
  process.env['INTEGRATIONS'] === 'full' ? [] : ['test/integrations/frameworks.spec.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    setupFiles: [
      'reflect-metadata',
      'test/support/fakes/quiet-logger.ts',
      'test/support/patient-waits.ts',
    ],
    testTimeout: LIMIT_MS,
    hookTimeout: LIMIT_MS,
    expect: { poll: { timeout: PATIENCE_MS } },
    // One more than there are cores: a test of the program waits for half of its time.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        // Loading Nest and its kind again for each file would take longer than the tests.
        test: { name: 'unit', include: ['src/**/*.spec.ts'], isolate: false },
      },
      {
        extends: true,
        // Its specs replace the process's globals by those of a page.
        test: { name: 'client', include: ['clients/**/*.spec.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'program',
          include: ['test/**/*.spec.ts'],
          exclude: [...configDefaults.exclude, ...FRAMEWORKS, ...OUTAGES],
          globalSetup: [
            'test/support/servers/postgres-user.ts',
            'test/support/servers/shared-servers.ts',
          ],
        },
      },
    ],
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['**/*.spec.ts'],
      reporter: ['text-summary'],
      // Of the specs alone: what only the program's own process runs (test/e2e) does not count.
      thresholds: { lines: 85, branches: 80 },
    },
  },
});
