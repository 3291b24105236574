import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { followStamp } from '../../config/follow-file.js';
import { HangingCallError } from '../../threads/bounded-calls.js';
import type { EventSchema } from './event-schema.js';
import { listSchemas, readSchema, stampOfFolder, typeOfFile } from './schema-folder.js';
import { UnusableSchemaError } from './unusable-schema-error.js';

interface SchemaFile {
  readonly stamp: string;
  /** What is in use for it; undefined when it could not be used since it is there. */
  readonly schema: EventSchema | undefined;
  /** What it holds cannot be used. */
  readonly fault: string | undefined;
}

/** By the names of the files. */
type SchemaFiles = ReadonlyMap<string, SchemaFile>;

/** A folder of schemas, which is followed: a file that can be used takes the place of what it held before, another leaves that in use. */
export class FollowedSchemas {
  private readonly logger = new Logger('Schemas');
  private types: ReadonlyMap<string, EventSchema> = new Map();
  private folderIsUsable = true;
  private readonly stop: () => void;

  private constructor(
    private readonly folder: string,
    private files: SchemaFiles,
    stamp: string,
  ) {
    this.use(files);
    this.stop = followStamp(
      () => stampOfFolder(folder),
      stamp,
      () => this.reload(),
    );
  }

  /** @throws UnusableSchemaError with every fault */
  static async open(folder: string): Promise<FollowedSchemas> {
    const stamp = await stampOfFolder(folder);
    const files = await readSchemas(folder, new Map());
    const faults = faultsOf(files);
    if (faults.length > 0) {
      throw new UnusableSchemaError(faults.join('; '));
    }
    return new FollowedSchemas(folder, files, stamp);
  }

  /** The schemas in use. */
  get byType(): ReadonlyMap<string, EventSchema> {
    return this.types;
  }

  /** Whether what is in the folder is what is used. */
  get lastReloadSuccessful(): boolean {
    return this.folderIsUsable && faultsOf(this.files).length === 0;
  }

  close(): void {
    this.stop();
  }

  private async reload(): Promise<void> {
    const before = this.files;
    try {
      this.use(await readSchemas(this.folder, before));
      this.folderIsUsable = true;
    } catch (error) {
      this.folderIsUsable = false;
      if (error instanceof HangingCallError) {
        // It is looked at again.
        throw error;
      }
      this.logger.error(
        `EVENT_SCHEMAS ${(error as Error).message}: ${this.folder}; the schemas that were read before stay in use`,
      );
      return;
    }
    this.report(before);
  }

  private use(files: SchemaFiles): void {
    this.files = files;
    const types = new Map<string, EventSchema>();
    for (const [name, { schema }] of files) {
      if (schema !== undefined) {
        types.set(typeOfFile(name), schema);
      }
    }
    this.types = types;
  }

  private report(before: SchemaFiles): void {
    for (const [name, file] of this.files) {
      if (file.fault !== undefined && file !== before.get(name)) {
        this.logger.error(
          `EVENT_SCHEMAS: ${name} ${file.fault}; ${file.schema ? 'what it held before stays in use' : 'it is not used'}`,
        );
      } else if (file !== before.get(name)) {
        this.logger.log(`EVENT_SCHEMAS: took the new ${name}`);
      }
    }
    for (const name of before.keys()) {
      if (!this.files.has(name)) {
        this.logger.log(`EVENT_SCHEMAS: ${name} is gone, and its schema with it`);
      }
    }
  }
}

/** Why a folder cannot be used, as it is now. */
export async function schemaFaults(folder: string): Promise<string[]> {
  try {
    return faultsOf(await readSchemas(folder, new Map()));
  } catch (error) {
    return [(error as Error).message];
  }
}

function faultsOf(files: SchemaFiles): string[] {
  return [...files].flatMap(([name, { fault }]) =>
    fault === undefined ? [] : [`${name} ${fault}`],
  );
}

/**
 * Compiles one file a turn of the event loop: each takes some milliseconds.
 * @param before what was read before; a file with the same stamp is not read again
 * @throws UnusableSchemaError it is no folder of schemas
 * @throws HangingCallError its disk hangs
 */
async function readSchemas(folder: string, before: SchemaFiles): Promise<SchemaFiles> {
  const files = new Map<string, SchemaFile>();
  for (const [name, stamp] of await listSchemas(folder)) {
    const known = before.get(name);
    files.set(
      name,
      known?.stamp === stamp ? known : await readFile(join(folder, name), stamp, known?.schema),
    );
  }
  return files;
}

async function readFile(
  path: string,
  stamp: string,
  before: EventSchema | undefined,
): Promise<SchemaFile> {
  try {
    return { stamp, schema: await readSchema(path), fault: undefined };
  } catch (error) {
    if (error instanceof UnusableSchemaError) {
      return { stamp, schema: before, fault: error.message };
    }
    throw error;
  }
}
