import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { describeConfiguration } from './config/describe-configuration.js';
import { type Configuration, loadConfiguration } from './config/load-configuration.js';
import { checkHealth } from './cli/check-health.js';
import { DeadLetterOptions } from './config/dead-letter.options.js';
import { HttpOptions } from './http/http.options.js';
import { serve } from './main.js';
import { CROSS_CHECKS, OPTIONS_CLASSES } from './options-classes.js';
import { askAboutDeadLetters } from './delivery/dead-letters/ask-about-dead-letters.js';
import type { DeadLetterRequest } from './disk/dead-letter-requests.js';
import { REJECTED } from './disk/dead-letter-paths.js';
import { listDeadLetters } from './delivery/dead-letters/list-dead-letters.js';
import { queueDriver } from './queueing/queue.catalogue.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { describeQueueStatus } from './cli/describe-queue-status.js';
import { SinksOptions } from './sinks/sinks.options.js';

const USAGE = `gotrack [command]

  serve                  run the collector (the default)
  check-config           check the configuration and print what is in effect, secrets masked
  healthcheck            ask the running collector's /healthz; exit code 0 when it answers
  queue status           what is queued for each sink, how old and how large it is
  queue forget SINK      give up what is queued for a sink, for one that OUTPUTS no longer names
  dead-letters list      what sinks and ingestion have refused, by file and reason
  dead-letters replay NAME
                         give a sink its dead letters again, or validate those of "rejected" anew
  dead-letters purge NAME
                         delete the dead letters of a sink, or those of "rejected"
`;

/** The command line was not understood. */
class UsageError extends Error {}

/** Takes as many arguments as its function has parameters. */
type Command = (...args: string[]) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', serve],
  ['check-config', checkConfig],
  ['healthcheck', healthcheck],
  ['queue status', showQueue],
  ['queue forget', forget],
  ['dead-letters list', showDeadLetters],
  ['dead-letters replay', (name) => askCollector(name, 'replay')],
  ['dead-letters purge', (name) => askCollector(name, 'purge')],
]);

async function run(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const words = positionals.length === 0 ? ['serve'] : positionals;
  const nameLength = COMMANDS.has(words[0] ?? '') ? 1 : 2;
  const command = COMMANDS.get(words.slice(0, nameLength).join(' '));
  const rest = words.slice(nameLength);
  if (!command || command.length !== rest.length) {
    throw new UsageError(`unknown command: ${words.join(' ')}`);
  }
  return command(...rest);
}

async function checkConfig(): Promise<number> {
  const loaded = await configuration();
  print(describeConfiguration(loaded));
  for (const warning of loaded.warnings) {
    complain(`warning: ${warning}`);
  }
  return 0;
}

async function healthcheck(): Promise<number> {
  // Whether the collector could start again is not asked here: it may serve well while its certificate is replaced.
  const { get } = await loadConfiguration(OPTIONS_CLASSES);
  const { address, https } = get(HttpOptions);
  print(await checkHealth(address, { https }));
  return 0;
}

async function showQueue(): Promise<number> {
  const options = (await configuration()).get(QueueingOptions);
  print(describeQueueStatus(options.path, await queueDriver.status(options)));
  return 0;
}

async function forget(sink: string): Promise<number> {
  const options = (await configuration()).get(QueueingOptions);
  const events = await queueDriver.forget(options, sink);
  print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
  return 0;
}

async function showDeadLetters(): Promise<number> {
  print(await listDeadLetters((await configuration()).get(DeadLetterOptions).path));
  return 0;
}

/** Of its own dead letters, only a sink's lane knows what became; a sink without a lane has none to ask. */
async function askCollector(name: string, request: DeadLetterRequest): Promise<number> {
  const { get } = await configuration();
  const names = [...get(SinksOptions).outputs, REJECTED];
  if (!names.includes(name)) {
    throw new UsageError(
      `${name} is none of ${names.join(', ')}: the sinks of OUTPUTS, and what ingestion rejected`,
    );
  }
  print(await askAboutDeadLetters(get(DeadLetterOptions).path, name, request));
  return 0;
}

function configuration(): Promise<Configuration> {
  return loadConfiguration(OPTIONS_CLASSES, { crossChecks: CROSS_CHECKS });
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text.trimEnd()}\n`);
}

/** `parseArgs` throws a TypeError for an unknown option. */
function isUnknownOption(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  );
}

function explain(error: unknown): string {
  if (error instanceof UsageError || isUnknownOption(error)) {
    return `${error.message}\n\n${USAGE}`;
  }
  if (error instanceof TypeError || error instanceof ReferenceError) {
    return `${error.stack}`;
  }
  return error instanceof Error ? error.message : String(error);
}

run(process.argv.slice(2)).then(
  // Not `process.exitCode`: an idle connection or a sink that hangs must not keep a drained process.
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    complain(`gotrack: ${explain(error)}`);
    process.exit(1);
  },
);
