import { parseArgs } from 'node:util';
import { complain, print } from './cli/print.js';
import { UsageError } from './cli/usage-error.js';

interface Command {
  /** The words that name it, then its arguments in capitals. */
  readonly usage: string;
  readonly about: string;
  /** Loads the command and what it needs. `run` gives the exit code. */
  readonly load: () => Promise<{ readonly run: (...args: string[]) => Promise<number> }>;
}

const COMMANDS: readonly Command[] = [
  {
    usage: 'serve',
    about: 'run the collector (the default)',
    load: async () => ({ run: (await import('./main.js')).serve }),
  },
  {
    usage: 'check-config',
    about: 'check the configuration and print what is in effect, secrets masked',
    load: () => import('./cli/check-config.js'),
  },
  {
    usage: 'healthcheck',
    about: "ask the running collector's /healthz; exit code 0 when it answers",
    load: () => import('./cli/healthcheck.js'),
  },
  {
    usage: 'queue status',
    about: 'what is queued for each sink, how old and how large it is',
    load: () => import('./cli/queue-status.js'),
  },
  {
    usage: 'queue forget SINK',
    about: 'give up what is queued for a sink that OUTPUTS no longer names',
    load: () => import('./cli/queue-forget.js'),
  },
  {
    usage: 'dead-letters list',
    about: 'what sinks and ingestion have refused, by file and reason',
    load: () => import('./cli/dead-letters-list.js'),
  },
  {
    usage: 'dead-letters replay NAME',
    about: 'deliver the dead letters of a sink again, or validate those of "rejected" again',
    load: () => import('./cli/dead-letters-replay.js'),
  },
  {
    usage: 'dead-letters purge NAME',
    about: 'delete the dead letters of a sink, or those of "rejected"',
    load: () => import('./cli/dead-letters-purge.js'),
  },
];

/** Width of the first column of the help. */
const COLUMN = 21;

async function run(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    print(help());
    return 0;
  }
  const words = positionals.length === 0 ? ['serve'] : positionals;
  const command = COMMANDS.find(({ usage }) => matches(usage, words));
  if (!command) {
    throw new UsageError(`unknown command: ${words.join(' ')}`);
  }
  const { run: execute } = await command.load();
  return execute(...words.filter((_, index) => isArgument(command.usage.split(' ')[index])));
}

/** Whether the words are those of the usage, with any word in the place of each argument. */
function matches(usage: string, words: readonly string[]): boolean {
  const expected = usage.split(' ');
  return (
    expected.length === words.length &&
    expected.every((word, index) => isArgument(word) || word === words[index])
  );
}

function isArgument(word = ''): boolean {
  return word === word.toUpperCase();
}

function help(): string {
  const lines = COMMANDS.map(({ usage, about }) => {
    const gap =
      usage.length > COLUMN ? `\n${' '.repeat(COLUMN + 4)}` : ' '.repeat(COLUMN + 2 - usage.length);
    return `  ${usage}${gap}${about}`;
  });
  return ['gotrack [command]', '', ...lines].join('\n');
}

/** `parseArgs` throws a TypeError for an unknown option. */
function isUnknownOption(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  );
}

function explain(error: unknown): string {
  if (error instanceof UsageError || isUnknownOption(error)) {
    return `${error.message}\n\n${help()}`;
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
