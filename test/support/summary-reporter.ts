import type { Reporter, TestModule } from 'vitest/node';

/**
 * Names every skipped test, then says how many passed, failed and were skipped, in one last line. In CI a
 * skip is a failure: what was not run is not known to work.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string): typeof tests =>
      tests.filter((test) => test.result().state === state);
    const skipped = inState('skipped');
    const brokenModules = modules.filter((module) => module.errors().length > 0).length;
    const failed = inState('failed').length + brokenModules + errors.length;

    process.on('exit', () => {
      for (const test of skipped) {
        process.stdout.write(`skipped: ${test.fullName}\n`);
      }
      const counts = `${inState('passed').length} passed, ${failed} failed, ${skipped.length} skipped`;
      process.stdout.write(`${counts}\n`);
      if (failed > 0 || (skipped.length > 0 && process.env['CI'] === 'true')) {
        process.exitCode = 1;
      }
    });
  }
}
