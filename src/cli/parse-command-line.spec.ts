import { describe, expect, it } from 'vitest';
import { usageOf } from './command.js';
import { COMMANDS } from './commands.js';
import { parseCommandLine } from './parse-command-line.js';
import { UsageError } from './usage-error.js';

function parse(line: string) {
  return parseCommandLine(
    line.split(' ').filter((word) => word !== ''),
    COMMANDS,
  );
}

function refusal(line: string): { message: string; usage: string | undefined } {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof UsageError) {
      return { message: error.message, usage: error.usage };
    }
    throw error;
  }
  throw new Error(`understood: ${line}`);
}

describe('parseCommandLine', () => {
  it.each([
    ['', 'serve', '', []],
    ['check-config --json', 'check-config', '', ['json']],
    ['--json queue status', 'queue status', '', ['json']],
    ['queue forget kafka', 'queue forget', 'kafka', []],
    ['dead-letters replay --wait postgres', 'dead-letters replay', 'postgres', ['wait']],
    ['schemas check --json events.ndjson', 'schemas check', 'events.ndjson', ['json']],
    ['dead-letters purge rejected --yes --yes', 'dead-letters purge', 'rejected', ['yes']],
  ])('reads "%s"', (line, name, argument, options) => {
    const parsed = parse(line);
    expect(parsed).toMatchObject({ kind: 'run', command: { name }, argument });
    expect('options' in parsed && [...parsed.options]).toEqual(options);
  });

  it('reads options with values', () => {
    const values = { type: 'sign-up', source: 'shop' };
    expect(parse('tail --type sign-up --source=shop')).toMatchObject({ argument: '', values });
    expect(parse('--source shop --type=sign-up tail --json')).toMatchObject({ values });
    expect(parse('tail')).toMatchObject({ values: {} });
    expect(parse('tail --type=-x')).toMatchObject({ values: { type: '-x' } });
  });

  it.each([
    ['tail --type', '--type needs a value'],
    ['tail --type=', '--type needs a value'],
    ['tail --type --json', '--type needs a value'],
    ['queue status --type x', 'queue status takes no --type'],
    ['tail --typ=x', 'unknown option: --typ; did you mean --type?'],
  ])('refuses "%s"', (line, message) => {
    expect(refusal(line).message).toBe(message);
  });

  it.each([
    ['--help', 'help'],
    ['queue -h', 'help'],
    ['--version', 'version'],
    ['-V', 'version'],
  ])('reads %s before any command', (line, kind) => {
    expect(parse(line)).toEqual({ kind });
  });

  it.each([
    ['check-confg', 'check-config'],
    ['chekc-config --json', 'check-config'],
    ['serv', 'serve'],
    ['helthcheck', 'healthcheck'],
    ['queue stat', 'queue status'],
    ['queue forgt kafka', 'queue forget'],
    ['deadletters list', 'dead-letters list'],
    ['dead-letters reply postgres', 'dead-letters replay'],
    ['help', '--help'],
  ])('names what "%s" was probably meant to be: %s', (line, meant) => {
    const { message, usage = '' } = refusal(line);
    expect(message).toMatch(/^unknown command: .*; did you mean (?<meant>.+)\?$/);
    expect(message).toContain(`did you mean ${meant}?`);
    expect(meant.startsWith('--') || usage.startsWith(meant)).toBe(true);
  });

  it.each(['dance', 'constructor', 'x'])('names nothing for "%s"', (line) => {
    expect(refusal(line)).toEqual({ message: `unknown command: ${line}`, usage: undefined });
  });

  it('says what there is where a word is missing', () => {
    expect(refusal('queue').message).toBe(
      'unknown command: queue; there is queue status, queue forget',
    );
  });

  it.each([
    ['queue forget', 'queue forget needs SINK', 'queue forget SINK'],
    ['queue status now', 'queue status takes no now', 'queue status [--json]'],
    ['dead-letters purge a b', 'dead-letters purge takes no b', 'dead-letters purge NAME [--yes]'],
    ['--bogus', 'unknown option: --bogus', 'serve'],
    ['check-config -j', 'unknown option: -j', 'check-config [--json]'],
    [
      'check-config --jsno',
      'unknown option: --jsno; did you mean --json?',
      'check-config [--json]',
    ],
    [
      'queue status --hlep',
      'unknown option: --hlep; did you mean --help?',
      'queue status [--json]',
    ],
    ['check-config --yes', 'check-config takes no --yes', 'check-config [--json]'],
    ['queue status --json=1', '--json takes no value', 'queue status [--json]'],
  ])('refuses "%s" with the usage of its command', (line, message, usage) => {
    expect(refusal(line)).toEqual({ message, usage });
  });
});

describe('the commands', () => {
  it('are found by the usage that the help prints', () => {
    for (const command of COMMANDS) {
      expect(parse(usageOf(command).replaceAll(/[[\]]/g, ''))).toMatchObject({ command });
    }
  });
});
