/** One thing that is wrong with the configuration. */
export interface Fault {
  /** The variable, or the env file. */
  readonly name: string;
  /** What is wrong and what to do; never the value: it may be a secret. */
  readonly reason: string;
}

/** The configuration cannot be used. Holds every fault, so that one start is enough to see them all. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly faults: readonly Fault[]) {
    super(
      [
        'the configuration cannot be used:',
        ...faults.map(({ name, reason }) => `  ${name}: ${reason}`),
      ].join('\n'),
    );
  }
}
