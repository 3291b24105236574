import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { describeConfiguration } from './config/describe-configuration.js';
import { type Configuration, loadConfiguration } from './config/load-configuration.js';
import { checkHealth } from './health/check-health.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { serve } from './main.js';
import { OPTIONS_CLASSES } from './options-classes.js';
import { listDeadLetters } from './queueing/list-dead-letters.js';
import { forgetSink, queueStatus } from './queueing/embedded/queue-status.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { describeQueueStatus } from './queueing/describe-queue-status.js';

const USAGE = `gotrack [command]

  serve                  run the collector (the default)
  check-config           check the configuration and print what is in effect, secrets masked
  healthcheck            ask the running collector's /healthz; exit code 0 when it answers
  queue status           what is queued for each sink, how old and how large it is
  queue forget SINK      give up what is queued for a sink that OUTPUTS no longer names
  dead-letters list      what sinks and ingestion have refused, by file and reason
`;

/** The command line was not understood. */
class UsageError extends Error {}

type Command = (argument: string | undefined) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  'check-config': async () => {
    const configuration = await loadConfiguration(OPTIONS_CLASSES);
    print(describeConfiguration(configuration));
    for (const warning of configuration.warnings) complain(`warning: ${warning}`);
    return 0;
  },
  healthcheck: async () => {
    const { get } = await loadConfiguration(OPTIONS_CLASSES);
    print(await checkHealth(get(IngestionOptions).address));
    return 0;
  },
  'queue status': async () => {
    const { path } = await queueing();
    print(describeQueueStatus(path, await queueStatus(path)));
    return 0;
  },
  'queue forget': async (sink) => {
    if (sink === undefined) throw new UsageError('queue forget needs the name of a sink');
    const { path } = await queueing();
    const events = await forgetSink(path, sink);
    print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
    return 0;
  },
  'dead-letters list': async () => {
    print(await listDeadLetters((await queueing()).deadLetterPath));
    return 0;
  },
};

async function run(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const [first = 'serve', second, ...rest] = positionals;
  const single = COMMANDS[first];
  if (single && second === undefined) return single(undefined);
  const [argument, ...surplus] = rest;
  const double = COMMANDS[`${first} ${second}`];
  if (!double || surplus.length > 0)
    throw new UsageError(`unknown command: ${positionals.join(' ')}`);
  return double(argument);
}

async function queueing(): Promise<QueueingOptions> {
  const configuration: Configuration = await loadConfiguration(OPTIONS_CLASSES);
  return configuration.get(QueueingOptions);
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text.trimEnd()}\n`);
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`;
  if (error instanceof TypeError || error instanceof ReferenceError) return `${error.stack}`;
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
