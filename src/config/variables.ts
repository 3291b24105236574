/** Variables of the process, as opposed to those of an env file. */
export const ENVIRONMENT = 'environment';

export interface GivenText {
  readonly text: string;
  /** `ENVIRONMENT`, or the env file relative to the working directory. */
  readonly source: string;
}

/** What all sources together set, by name. Nothing in it is empty: an empty variable is unset. */
export type Variables = ReadonlyMap<string, GivenText>;

/** Adds what a source sets; what a source before it has set stays. */
export function addSource(
  variables: Map<string, GivenText>,
  source: string,
  values: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, text] of Object.entries(values)) {
    if (text !== undefined && text !== '' && !variables.has(name)) {
      variables.set(name, { text, source });
    }
  }
}

/** The variable that may name a file which holds the secret `name`. */
export function fileVariable(name: string): string {
  return `${name}_FILE`;
}

/** The variables that may set a value: its name, and for a secret that of the file. */
export function namesOf({ name, secret }: { name: string; secret?: boolean }): string[] {
  return secret ? [name, fileVariable(name)] : [name];
}
