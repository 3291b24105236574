/** What a command may be given beside its words, each without a value. */
export const OPTIONS = ['json', 'yes', 'wait'] as const;
export type Option = (typeof OPTIONS)[number];

/** What a command may be given with a value: `--type signup` or `--type=signup`. */
export const VALUE_OPTIONS = ['type', 'source'] as const;
export type ValueOption = (typeof VALUE_OPTIONS)[number];
export type Values = Readonly<Partial<Record<ValueOption, string>>>;

/** The options that were given. */
export type Options = ReadonlySet<Option>;

export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** What it needs after its name, in capitals. */
  readonly argument?: string;
  readonly about: string;
  readonly options?: readonly Option[];
  readonly values?: readonly ValueOption[];
  /** Loads the command and what it needs. `run` gives the exit code. */
  readonly load: () => Promise<{
    readonly run: (options: Options, argument: string, values: Values) => Promise<number>;
  }>;
}

/** As the help has it: its name, its argument, its options. */
export function usageOf({ name, argument, options = [], values = [] }: Command): string {
  return [
    name,
    ...(argument === undefined ? [] : [argument]),
    ...options.map((option) => `[--${option}]`),
    ...values.map((option) => `[--${option} ${option.toUpperCase()}]`),
  ].join(' ');
}
