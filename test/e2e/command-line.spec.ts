import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
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
    expect(stdout).toMatch(/\nOK\n$/);
    expect(stdout).toMatch(/QUEUE_MAX_MB +77/);
    expect(stdout).toMatch(/IP_HASH_SECRET +\*{4,}/);
    expect(stdout + stderr).not.toContain(secret);
  });

  it('names every fault at once, and never a value', async () => {
    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], {
      QUEUE_MAX_MB: 'plenty',
      OUTPUTS: 'log,pigeons',
      METRICS_ENABLE: 'true',
      REQUIRE_HMAC: 'true',
      METRICS_TLS_CERT: '/tmp/cert.pem',
    });
    expect(exitCode).toBe(1);
    expect(stdout).not.toContain('OK');
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

  it('says which files it has read, and that NODE_ENV names none', async () => {
    await writeFile(workplace.path('.env'), 'BATCH_SIZE=11\n');
    const misnamed = await workplace.run(['check-config'], { NODE_ENV: 'prod' });
    expect(misnamed.exitCode).toBe(0);
    expect(misnamed.stdout).toMatch(/\nNODE_ENV: prod\nenv files read: \.env\nOK\n$/);
    expect(misnamed.stderr).toContain('warning: NODE_ENV=prod: there is no config/prod.env');

    await mkdir(workplace.path('config'));
    await writeFile(workplace.path('config', 'prod.env'), 'BATCH_SIZE=12\n');
    const named = await workplace.run(['check-config'], { NODE_ENV: 'prod' });
    expect(named.stdout).toContain('env files read: config/prod.env, .env\n');
    expect(named.stderr).toBe('');
  });

  it('is read by programs', async () => {
    const sound = await workplace.run(['check-config', '--json'], { BATCH_SIZE: '13' });
    expect(sound.exitCode).toBe(0);
    expect(JSON.parse(sound.stdout)).toMatchObject({
      ok: true,
      nodeEnv: null,
      files: [],
      warnings: [],
      settings: expect.arrayContaining([
        { module: 'delivery', name: 'BATCH_SIZE', value: '13', source: 'environment' },
      ]),
    });
    const faulty = await workplace.run(['check-config', '--json'], { BATCH_SIZE: '"13"' });
    expect(faulty.exitCode).toBe(1);
    expect(JSON.parse(faulty.stdout)).toEqual({
      ok: false,
      faults: [{ name: 'BATCH_SIZE', reason: expect.stringContaining('remove the quotes') }],
    });
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

  it.each(['--help', '--version'])('is nothing for %s', async (option) => {
    expect(await packagesOf(option)).toEqual([]);
  });

  it('is recorded', async () => {
    const loaded = await packagesOf('check-config');
    expect(loaded).toEqual(expect.arrayContaining(['@nestjs/common', 'class-validator', 'pg']));
  });
});

describe('the log', () => {
  it('has an object a line, with the level as a word and the time as ISO 8601', async () => {
    const collector = await workplace.start({ NODE_ENV: 'prod' });
    const lines = collector.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set(['info', 'warn']));
    for (const { time } of lines) {
      expect(new Date(String(time)).toISOString()).toBe(time);
    }
    expect(lines[0]).toMatchObject({ level: 'warn', msg: expect.stringContaining('NODE_ENV') });
  });

  it('is for people with LOG_FORMAT=pretty, and complete when the program ends', async () => {
    const collector = await workplace.start({ LOG_FORMAT: 'pretty' });
    expect(await collector.stop()).toBe(0);
    for (const line of collector.log) {
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (?:INFO|WARN) +\[[\w ]+\] \S/);
    }
    expect(collector.log.at(-1)).toMatch(/stopped$/);
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
        'check-config [--json]',
        'healthcheck',
        'queue status [--json]',
        'queue forget SINK',
        'dead-letters list [--json]',
        'dead-letters replay NAME [--wait]',
        'dead-letters purge NAME [--yes]',
        'tail [--json] [--type TYPE] [--source SOURCE]',
      ]),
    );
  });

  it('says that there is no queue to look at', async () => {
    const { exitCode, stderr } = await workplace.run(['queue', 'status']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^gotrack: there is no queue in \.\/data\/queue \(QUEUE_PATH\)/);
  });

  it.each([
    ['dance', 'unknown command: dance\ngotrack --help lists the commands'],
    ['constructor', 'unknown command: constructor\ngotrack --help lists the commands'],
    [
      'check-confg',
      'unknown command: check-confg; did you mean check-config?\nusage: gotrack check-config [--json]',
    ],
    ['queue status now', 'queue status takes no now\nusage: gotrack queue status [--json]'],
    ['queue forget', 'queue forget needs SINK\nusage: gotrack queue forget SINK'],
    ['--bogus', 'unknown option: --bogus\nusage: gotrack serve'],
    [
      'dead-letters purge kafak --yes',
      'kafak is none of log, rejected: the sinks of OUTPUTS, and what ingestion rejected\n' +
        'usage: gotrack dead-letters purge NAME [--yes]',
    ],
  ])('explains itself when it does not understand: %s', async (words, explained) => {
    expect(await workplace.run(words.split(' '))).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `gotrack: ${explained}\n`,
    });
  });

  it('says its version and what it was built from', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const { stdout } = await workplace.run(['--version']);
    expect(stdout).toMatch(/^gotrack \S+ \(\S+\)\n$/);
    expect(stdout).toContain(` ${version} `);
  });

  it('says that there is no directory of dead letters, and which setting names it', async () => {
    const { exitCode, stderr } = await workplace.run(['dead-letters', 'list']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('there is no directory ./data/dead-letters (DEAD_LETTER_PATH)');
  });

  it('says that it is not built', async () => {
    await copyFile('gotrack', workplace.path('gotrack'));
    const { status, stdout, stderr } = spawnSync(workplace.path('gotrack'), ['--help'], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^gotrack: it is not built yet: run .*npm run build.*\n$/);
  });

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
