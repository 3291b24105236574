import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from '../support/servers/collector.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

const RECORDER = pathToFileURL('test/support/record-modules.mjs').href;

/** The packages that a command loads, and that it ends well. */
async function packagesOf(
  command: string,
  environment: Record<string, string> = {},
): Promise<string[]> {
  const record = workplace.path('modules');
  const { exitCode } = await workplace.run([command], {
    NODE_OPTIONS: `--import=${RECORDER}`,
    LOADED_MODULES: record,
    ...environment,
  });
  expect(exitCode).toBe(0);
  const loaded = await readFile(record, 'utf8');
  expect(loaded).toContain('/dist/cli.js\n');
  const packages = [...loaded.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)];
  return [...new Set(packages.map(([, name = '']) => name))].toSorted();
}

describe('check-config', () => {
  it('prints what is in effect, with secrets masked', async () => {
    const secret = 'a-secret-that-nobody-may-see';
    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], {
      QUEUE_MAX_MB: '77',
      IP_HASH_SECRET: secret,
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/QUEUE_MAX_MB +77/);
    expect(stdout).toMatch(/IP_HASH_SECRET +\*{4,}/);
    expect(stdout + stderr).not.toContain(secret);
  });

  it('names every fault at once, and never a value', async () => {
    const { exitCode, stderr } = await workplace.run(['check-config'], {
      QUEUE_MAX_MB: 'plenty',
      OUTPUTS: 'log,pigeons',
      METRICS_ENABLE: 'true',
      REQUIRE_HMAC: 'true',
      METRICS_TLS_CERT: '/tmp/cert.pem',
    });
    expect(exitCode).toBe(1);
    for (const name of [
      'QUEUE_MAX_MB',
      'OUTPUTS',
      'METRICS_ENABLE',
      'REQUIRE_HMAC',
      'METRICS_TLS_KEY',
    ]) {
      expect(stderr).toMatch(new RegExp(`${name}: \\w+`));
    }
    expect(stderr).toContain('METRICS_ENABLED');
    expect(stderr).not.toMatch(/plenty|pigeons/);
  });

  it('finds the same faults as serve', async () => {
    const faulty = { BATCH_SIZE: '0' };
    const checked = await workplace.run(['check-config'], faulty);
    const served = await workplace.run(['serve'], faulty);
    expect(checked.exitCode).toBe(1);
    expect(served).toEqual(checked);
  });

  it('reads .env after the environment', async () => {
    await writeFile(workplace.path('.env'), 'BATCH_SIZE=11\nFLUSH_INTERVAL_MS=12\n');
    const { stdout } = await workplace.run(['check-config'], {
      BATCH_SIZE: '13',
      FLUSH_INTERVAL_MS: '',
    });
    expect(stdout).toMatch(/BATCH_SIZE +13 /);
    expect(stdout).toMatch(/FLUSH_INTERVAL_MS +12 /);
  });
});

describe('healthcheck', () => {
  it('succeeds while the collector answers, and fails otherwise', async () => {
    const collector = await workplace.start();
    const address = { SERVER_ADDR: `127.0.0.1:${collector.port}` };
    expect(await workplace.run(['healthcheck'], address)).toEqual({
      exitCode: 0,
      stdout: 'ok\n',
      stderr: '',
    });

    await collector.stop();
    const dead = await workplace.run(['healthcheck'], address);
    expect(dead.exitCode).toBe(1);
    expect(dead.stderr).toMatch(/no answer from .*healthz.*ECONNREFUSED/);
  });
});

describe('what a command loads', () => {
  it('is little for healthcheck, which a container runs every few seconds', async () => {
    const collector = await workplace.start();
    const address = { SERVER_ADDR: `127.0.0.1:${collector.port}` };
    expect(await packagesOf('healthcheck', address)).toEqual(['dotenv', 'ipaddr.js']);
  });

  it('is nothing for --help', async () => {
    expect(await packagesOf('--help')).toEqual([]);
  });

  it('is recorded', async () => {
    const loaded = await packagesOf('check-config');
    expect(loaded).toEqual(expect.arrayContaining(['@nestjs/common', 'class-validator', 'pg']));
  });
});

describe('the command line', () => {
  it('prints a line for each command with --help', async () => {
    const { exitCode, stdout, stderr } = await workplace.run(['--help']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const usages = [...stdout.matchAll(/^ {2}(?<usage>\S+(?: \S+)*)/gm)].map(
      ({ groups }) => groups?.['usage'],
    );
    expect(usages).toEqual(
      expect.arrayContaining([
        'serve',
        'check-config',
        'healthcheck',
        'queue status',
        'queue forget SINK',
        'dead-letters list',
        'dead-letters replay NAME',
        'dead-letters purge NAME',
      ]),
    );
  });

  it('says that there is no queue to look at', async () => {
    const { exitCode, stderr } = await workplace.run(['queue', 'status']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^gotrack: there is no queue in \.\/data\/queue \(QUEUE_PATH\)/);
  });

  it.each([['dance'], ['constructor'], ['queue status now'], ['queue forget'], ['--bogus']])(
    'explains itself when it does not understand: %s',
    async (words) => {
      const { exitCode, stderr } = await workplace.run(words.split(' '));
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/unknown command|Unknown option/);
      expect(stderr).toContain('check-config');
      expect(stderr).not.toContain('    at ');
    },
  );

  it('says which variable names an address that is taken', async () => {
    const collector = await workplace.start();
    const { exitCode, stderr } = await workplace.run(['serve'], {
      SERVER_ADDR: `127.0.0.1:${collector.port}`,
      QUEUE_PATH: './other-queue',
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/SERVER_ADDR: cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/);
  });
});
