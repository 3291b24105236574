import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'dotenv';
import { ConfigurationError } from './configuration-error.js';
import { fileFailure } from './file-failure.js';
import { addSource, ENVIRONMENT, type GivenText, type Variables } from './variables.js';

export interface ConfigurationPlace {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The env files, and files that variables name, are relative to it. */
  readonly directory?: string;
}

/**
 * Reads the environment, then `config/$NODE_ENV.env`, then `.env`; the first that sets a variable wins.
 * Writes nothing into the environment.
 * @throws ConfigurationError when an env file exists and cannot be read
 */
export function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
): Variables {
  const variables = new Map<string, GivenText>();
  addSource(variables, ENVIRONMENT, environment);
  const nodeEnv = environment['NODE_ENV'];
  for (const file of [...(nodeEnv ? [`config/${nodeEnv}.env`] : []), '.env']) {
    addSource(variables, file, readEnvFile(directory, file));
  }
  return variables;
}

/** Empty when there is no such file. */
function readEnvFile(directory: string, file: string): Record<string, string> {
  try {
    return parse(readFileSync(resolve(directory, file)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return {};
    }
    throw new ConfigurationError([
      { name: file, reason: `this env file cannot be read: ${fileFailure(error)}` },
    ]);
  }
}
