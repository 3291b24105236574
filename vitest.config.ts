import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'test/**/*.spec.ts'],
    globalSetup: ['test/support/servers/postgres-user.ts'],
    setupFiles: ['reflect-metadata', 'test/support/fakes/quiet-logger.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['**/*.spec.ts'],
      reporter: ['text-summary'],
      // Of the specs alone: what only the program's own process runs (test/e2e) does not count.
      thresholds: { lines: 85, branches: 80 },
    },
  },
});
