import type { OnModuleDestroy } from '@nestjs/common';
import type { Fault } from '../../config/configuration-error.js';
import type { Fields } from '../../event/fields.js';
import { OTHER_TYPES, type SchemaViolation } from '../../event/schema-violation.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { FollowedSchemas } from './followed-schemas.js';
import type { SchemasOptions } from './schemas.options.js';

/** Judges events by the schemas of `EVENT_SCHEMAS`. */
export class EventSchemas implements OnModuleDestroy {
  /** Checks no event. */
  static readonly NONE = new EventSchemas(undefined, false);

  private work = 0;

  private constructor(
    /** Undefined: no event is checked. */
    private readonly schemas: FollowedSchemas | undefined,
    private readonly rejects: boolean,
  ) {}

  /** @throws Error that names the variable, when the folder or a file of it cannot be used */
  static async open(
    { folder, mode }: SchemasOptions,
    observer: Pick<PipelineObserver, 'eventSchemasOpened'>,
  ): Promise<EventSchemas> {
    if (folder === undefined) {
      return EventSchemas.NONE;
    }
    // Who checks nothing does not pay for the libraries.
    const { FollowedSchemas } = await import('./followed-schemas.js');
    const schemas = await FollowedSchemas.open(folder).catch((error: Error) => {
      throw new Error(`EVENT_SCHEMAS: ${error.message}`, { cause: error });
    });
    observer.eventSchemasOpened(() => ({
      types: [...schemas.byType.keys()],
      lastReloadSuccessful: schemas.lastReloadSuccessful,
    }));
    return new EventSchemas(schemas, mode === 'reject');
  }

  get isOn(): boolean {
    return this.schemas !== undefined;
  }

  /**
   * Checks an event as it is stored, without what the server writes: that is no fault of its client.
   * @returns undefined when it is valid, or no schema is for its type
   */
  violationOf(event: Readonly<Fields>): SchemaViolation | undefined {
    const byType = this.schemas?.byType;
    const type = event['type'] as string;
    const name = byType?.has(type) ? type : OTHER_TYPES;
    const schema = byType?.get(name);
    if (schema === undefined) {
      return undefined;
    }
    const errors = schema.errorsOf(event);
    this.work += schema.work;
    return errors.length === 0 ? undefined : { schema: name, errors, isRejected: this.rejects };
  }

  /** What the checks have taken since this was called last: units of about 20 ns. */
  takeWork(): number {
    const { work } = this;
    this.work = 0;
    return work;
  }

  onModuleDestroy(): void {
    this.schemas?.close();
  }
}

/** What stops the start; for the check of the configuration. */
export async function eventSchemaFaults({ folder }: SchemasOptions): Promise<Fault[]> {
  if (folder === undefined) {
    return [];
  }
  const { schemaFaults } = await import('./followed-schemas.js');
  const reasons = await schemaFaults(folder);
  return reasons.map((reason) => ({ name: 'EVENT_SCHEMAS', reason }));
}
