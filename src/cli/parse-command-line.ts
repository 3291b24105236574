import { parseArgs } from 'node:util';
import { editDistance } from '../config/near-miss.js';
import {
  type Command,
  type Option,
  OPTIONS,
  type Options,
  usageOf,
  VALUE_OPTIONS,
  type ValueOption,
  type Values,
} from './command.js';
import { UsageError } from './usage-error.js';

/** What is asked for: a command, or what needs none. */
export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly options: Options;
      readonly argument: string;
      readonly values: Values;
    };

interface GivenOption {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

const DEFAULT_COMMAND = 'serve';
const GENERAL_OPTIONS = ['--help', '--version'];
/** A word that needs more edits than a third of its letters is another word. */
const LETTERS_PER_EDIT = 3;

/** @throws UsageError that says what was not understood, and what was probably meant or how the command is used */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly Command[],
): CommandLine {
  const { positionals, tokens } = parseArgs({
    args: [...args],
    allowPositionals: true,
    // Its own errors know no command and no nearest name.
    strict: false,
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
      ...Object.fromEntries(VALUE_OPTIONS.map((name) => [name, { type: 'string' }] as const)),
    },
  });
  const given: readonly GivenOption[] = tokens.filter(({ kind }) => kind === 'option') as never;
  for (const kind of ['help', 'version'] as const) {
    if (given.some(({ name }) => name === kind)) {
      return { kind };
    }
  }
  const words = positionals.length === 0 ? [DEFAULT_COMMAND] : positionals;
  const command = commandOf(words, commands);
  const values: Values = Object.fromEntries(
    given.flatMap((option) =>
      isValueOption(option) ? [[option.name, valueOf(option, command)] as const] : [],
    ),
  );
  const options = new Set(
    given.filter((option) => !isValueOption(option)).map((option) => optionOf(option, command)),
  );
  return { kind: 'run', command, options, argument: argumentOf(words, command), values };
}

function isValueOption({ name }: GivenOption): boolean {
  return VALUE_OPTIONS.some((each) => each === name);
}

function valueOf({ name, rawName, value, inlineValue }: GivenOption, command: Command): string {
  if (!command.values?.includes(name as ValueOption)) {
    throw new UsageError(`${command.name} takes no ${rawName}`, usageOf(command));
  }
  if (!value || (!inlineValue && value.startsWith('-'))) {
    throw new UsageError(`${rawName} needs a value`, usageOf(command));
  }
  return value;
}

function commandOf(words: readonly string[], commands: readonly Command[]): Command {
  const typed = words.join(' ');
  return (
    commands.find(({ name }) => `${typed} `.startsWith(`${name} `)) ??
    refuseCommand(typed, commands)
  );
}

function refuseCommand(typed: string, commands: readonly Command[]): never {
  const family = commands.filter(({ name }) => name.startsWith(`${typed.split(' ')[0]} `));
  const meant = nearest(typed, [...commands.map(({ name }) => name), ...GENERAL_OPTIONS]);
  if (meant === undefined && family.length > 0) {
    const names = family.map(({ name }) => name).join(', ');
    throw new UsageError(`unknown command: ${typed}; there is ${names}`);
  }
  const command = commands.find(({ name }) => name === meant);
  throw new UsageError(`unknown command: ${typed}${question(meant)}`, command && usageOf(command));
}

function optionOf({ name, rawName, value }: GivenOption, command: Command): Option {
  const allowed = command.options ?? [];
  const option = allowed.find((each) => each === name);
  if (option === undefined) {
    const isOfAnother = OPTIONS.some((each) => each === name);
    const names = [
      ...[...allowed, ...(command.values ?? [])].map((each) => `--${each}`),
      ...GENERAL_OPTIONS,
    ];
    throw new UsageError(
      isOfAnother
        ? `${command.name} takes no ${rawName}`
        : `unknown option: ${rawName}${question(nearest(rawName, names))}`,
      usageOf(command),
    );
  }
  if (value !== undefined) {
    throw new UsageError(`${rawName} takes no value`, usageOf(command));
  }
  return option;
}

function argumentOf(words: readonly string[], command: Command): string {
  const given = words.slice(command.name.split(' ').length);
  const [surplus] = given.slice(command.argument === undefined ? 0 : 1);
  if (surplus !== undefined) {
    throw new UsageError(`${command.name} takes no ${surplus}`, usageOf(command));
  }
  if (command.argument !== undefined && given.length === 0) {
    throw new UsageError(`${command.name} needs ${command.argument}`, usageOf(command));
  }
  return given[0] ?? '';
}

/** Compares as many words of a command's name as were typed: what follows them is its argument. */
function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const rated = candidates.map((candidate) => {
    const words = typed.split(' ').slice(0, candidate.split(' ').length).join(' ');
    return { candidate, edits: editDistance(words, candidate) };
  });
  const [best] = rated.toSorted((a, b) => a.edits - b.edits);
  return best && best.edits <= best.candidate.length / LETTERS_PER_EDIT
    ? best.candidate
    : undefined;
}

function question(meant: string | undefined): string {
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}
