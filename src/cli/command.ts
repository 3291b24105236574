/** What a command may be given beside its words, each without a value. */
export const OPTIONS = ['json', 'yes', 'wait'] as const;
export type Option = (typeof OPTIONS)[number];

/** The options that were given. */
export type Options = ReadonlySet<Option>;

export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** What it needs after its name, in capitals. */
  readonly argument?: string;
  readonly about: string;
  readonly options?: readonly Option[];
  /** Loads the command and what it needs. `run` gives the exit code. */
  readonly load: () => Promise<{
    readonly run: (options: Options, argument: string) => Promise<number>;
  }>;
}

/** As the help has it: its name, its argument, its options. */
export function usageOf({ name, argument, options = [] }: Command): string {
  return [
    name,
    ...(argument === undefined ? [] : [argument]),
    ...options.map((option) => `[--${option}]`),
  ].join(' ');
}
