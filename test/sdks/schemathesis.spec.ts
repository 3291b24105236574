import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operationsOf, type OpenApi } from '../support/openapi.js';
import { Workplace } from '../support/servers/collector.js';
import { pythonPackage } from '../support/servers/python-package.js';

/** `npm test` sends a part of what `npm run test:sdks` does. */
const ALL = process.env['SDKS'] === 'all';
const REQUESTS = ALL ? 2000 : 200;
/** It ends what hangs: all of it takes five minutes on a machine that does nothing else. */
const LIMIT_MS = 60 * 60_000;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

/** The same versions generate the same requests. */
const programs = pythonPackage(
  'schemathesis==4.32.5',
  'hypothesis==6.170.17',
  'jsonschema-rs==0.60.3',
);

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

interface Report {
  readonly exit_code: number;
  readonly test_cases: { readonly generated: number; readonly without_checks: number };
  readonly failures: readonly unknown[];
  readonly errors: readonly unknown[];
}

/** Sends requests that fit the document, and others. @returns what it found, for people and as numbers */
async function generateRequests(
  url: string,
  mostForEach: number,
  signal: AbortSignal,
): Promise<{ readonly output: string; readonly report: Report }> {
  const reportPath = workplace.path('report.json');
  const args = ['-m', 'schemathesis.cli', '--no-color', 'run', `${url}/openapi.json`];
  const options = {
    '--url': url,
    '--checks': CHECKS.join(),
    // The examples are sent in test/e2e/openapi.spec.ts. The values at the bounds are thousands of requests.
    '--phases': ALL ? 'coverage,fuzzing' : 'fuzzing',
    '--max-examples': String(mostForEach),
    '--suppress-health-check': 'all',
    '--request-timeout': '60',
    '--report': 'json',
    '--report-json-path': reportPath,
  };
  const output = await new Promise<string>((done) => {
    execFile(
      join(programs ?? '', 'python'),
      [
        ...args,
        '--generation-deterministic',
        '--continue-on-failure',
        ...Object.entries(options).flat(),
      ],
      {
        cwd: workplace.directory,
        signal,
        env: {
          ...process.env,
          PYTHONPATH: resolve('test/sdks/programs'),
          PYTHONDONTWRITEBYTECODE: '1',
          SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
        },
        maxBuffer: 64 * 1024 * 1024,
      },
      // It ends with 1 when it has found something; the report says what.
      (_error, stdout, stderr) => done(stdout + stderr),
    );
  });
  const text = await readFile(reportPath, 'utf8').catch(() => {
    throw new Error(`no report:\n${output}`);
  });
  return { output, report: JSON.parse(text) as Report };
}

const lacks = programs === undefined ? ' (needs python3 and schemathesis)' : '';
describe.skipIf(programs === undefined)(`Schemathesis${lacks}`, () => {
  it(
    `finds no answer that the document does not have, in ${REQUESTS} requests`,
    { timeout: LIMIT_MS },
    async ({ signal }) => {
      const collector = await workplace.start({
        VALIDATE: 'true',
        HMAC_SECRET: 'a secret',
        REQUIRE_HMAC: 'false',
      });
      const served = (await (await fetch(`${collector.url}/openapi.json`)).json()) as OpenApi;
      // Operations without a body or parameters have one request only.
      const open = operationsOf(served).filter(
        ({ operation }) => operation.requestBody ?? operation.parameters,
      );
      const { output, report } = await generateRequests(
        collector.url,
        Math.ceil(REQUESTS / open.length),
        signal,
      );
      expect({ output, failures: report.failures, errors: report.errors }).toEqual({
        output,
        failures: [],
        errors: [],
      });
      expect(report.exit_code).toBe(0);
      expect(report.test_cases.generated).toBeGreaterThanOrEqual(REQUESTS);
      await collector.drained();
      expect(await collector.metric('gotrack_events_accepted_total')).toBeGreaterThan(
        REQUESTS / 10,
      );
      expect(collector.log.filter((line) => line.includes('unexpected error'))).toEqual([]);
    },
  );
});
