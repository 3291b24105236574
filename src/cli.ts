// First: it says how many threads there are to be.
import './config/thread-pool.js';
import { usageOf } from './cli/command.js';
import { COMMANDS } from './cli/commands.js';
import { endProcess } from './cli/end-process.js';
import { type CommandLine, parseCommandLine } from './cli/parse-command-line.js';
import { complain, print } from './cli/print.js';
import { UsageError } from './cli/usage-error.js';

/** Width of the first column of the help. */
const COLUMN = 21;
const HINT = 'gotrack --help lists the commands';

type RunLine = Extract<CommandLine, { kind: 'run' }>;

async function run(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args, COMMANDS);
  if (line.kind === 'help') {
    print(help());
    return 0;
  }
  if (line.kind === 'version') {
    const { readBuildInfo } = await import('./config/build-info.js');
    const { version, revision } = readBuildInfo();
    print(`gotrack ${version} (${revision})`);
    return 0;
  }
  return execute(line);
}

async function execute({ command, options, argument, values }: RunLine): Promise<number> {
  const loaded = await command.load();
  try {
    return await loaded.run(options, argument, values);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, usageOf(command)) : error;
  }
}

function help(): string {
  const lines = COMMANDS.map((command) => {
    const usage = usageOf(command);
    const gap =
      usage.length > COLUMN ? `\n${' '.repeat(COLUMN + 4)}` : ' '.repeat(COLUMN + 2 - usage.length);
    return `  ${usage}${gap}${command.about}`;
  });
  return ['gotrack [command]', '', ...lines, '', '  --help, --version'].join('\n');
}

function explain(error: unknown): string {
  if (error instanceof UsageError) {
    return [error.message, error.usage ? `usage: gotrack ${error.usage}` : HINT].join('\n');
  }
  if (error instanceof TypeError || error instanceof ReferenceError) {
    return `${error.stack}`;
  }
  return error instanceof Error ? error.message : String(error);
}

run(process.argv.slice(2)).then(
  // Not `process.exitCode`: an idle connection or a sink that hangs must not keep a drained process.
  (exitCode) => endProcess(exitCode),
  (error: unknown) => {
    complain(`gotrack: ${explain(error)}`);
    return endProcess(1);
  },
);
