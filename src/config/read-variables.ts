import { readFileSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'dotenv';
import { ConfigurationError } from './configuration-error.js';
import { fileFailure } from './file-failure.js';
import { utf8Text } from './utf8-text.js';
import { addSource, ENVIRONMENT, type GivenText, type Variables } from './variables.js';

export interface ConfigurationPlace {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The env files, and files that variables name, are relative to it. */
  readonly directory?: string;
}

export interface VariablesRead {
  readonly variables: Variables;
  /** The env files that were there, the first to win first. */
  readonly files: readonly string[];
  readonly nodeEnv: string | undefined;
  /** For the operator's log. */
  readonly warnings: readonly string[];
}

/**
 * Reads the environment, then `config/$NODE_ENV.env`, then `.env`; the first that sets a variable wins.
 * Writes nothing into the environment.
 * @throws ConfigurationError when an env file exists and cannot be read
 */
export function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
): VariablesRead {
  const variables = new Map<string, GivenText>();
  addSource(variables, ENVIRONMENT, environment);
  const nodeEnv = environment['NODE_ENV'] || undefined;
  const ofNodeEnv = nodeEnv && `config/${nodeEnv}.env`;
  const files: string[] = [];
  for (const file of [...(ofNodeEnv ? [ofNodeEnv] : []), '.env']) {
    const values = readEnvFile(directory, file);
    if (values) {
      addSource(variables, file, values);
      files.push(file);
    }
  }
  const isMissing = ofNodeEnv !== undefined && !files.includes(ofNodeEnv);
  return {
    variables,
    files,
    nodeEnv,
    warnings: isMissing
      ? [`NODE_ENV=${nodeEnv}: there is no ${ofNodeEnv} in ${directory}; ${envFilesOf(directory)}`]
      : [],
  };
}

/** `undefined` when there is no such file. */
function readEnvFile(directory: string, file: string): Record<string, string> | undefined {
  const bytes = readIfThere(directory, file);
  const text = bytes && utf8Text(bytes);
  if (bytes && text === undefined) {
    throw unreadable(file, 'it is not in UTF-8; save it as UTF-8');
  }
  return text === undefined ? undefined : parse(text);
}

function readIfThere(directory: string, file: string): Buffer | undefined {
  try {
    return readFileSync(resolve(directory, file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    throw unreadable(file, fileFailure(error));
  }
}

function unreadable(file: string, reason: string): ConfigurationError {
  return new ConfigurationError([
    { name: file, reason: `this env file cannot be read: ${reason}` },
  ]);
}

function envFilesOf(directory: string): string {
  try {
    const names = readdirSync(resolve(directory, 'config')).filter((name) => name.endsWith('.env'));
    return `config/ has ${names.toSorted().join(', ') || 'no env file'}`;
  } catch {
    return 'there is no folder config/';
  }
}
