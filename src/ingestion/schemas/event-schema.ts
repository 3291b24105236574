import type { ErrorObject, ValidateFunction } from 'ajv';
import { utf8Text } from '../../config/utf8-text.js';
import { reasonOf } from '../../event/event-schema.js';
import { type Fields, isFields } from '../../event/fields.js';
import { assertSchema, compileWith, draftOf } from './drafts.js';
import { meteredSchema } from './metered-schema.js';
import { plainEvent } from './plain-event.js';
import { UnusableSchemaError } from './unusable-schema-error.js';
import { TooMuchWorkError, WorkMeter } from './work-meter.js';

const MAX_BYTES = 1024 * 1024;
/** More would help nobody. */
const MAX_ERRORS = 10;

const NONE: readonly string[] = [];
const TOO_MUCH_WORK = ['event: takes more work to check against its schema than an event may'];
/** One event must not take its neighbours with it. */
const FAILED = ['event: cannot be checked against its schema'];
/** Stands for an item of a list, and for a name that the schema does not declare: that is a client's. */
const ANY = '*';

/** The schema of a type, ready to check events. */
export class EventSchema {
  private constructor(
    private readonly validate: ValidateFunction,
    private readonly names: ReadonlySet<string>,
    private readonly meter: WorkMeter,
  ) {}

  /**
   * @param bytes of its file
   * @throws UnusableSchemaError
   */
  static compile(bytes: Buffer): EventSchema {
    const parsed = parse(bytes);
    const draft = draftOf(parsed);
    const meter = new WorkMeter();
    try {
      assertSchema(draft, parsed);
      const { schema, names } = meteredSchema(parsed);
      const compiled = new EventSchema(compileWith(draft, schema, meter), names, meter);
      if (compiled.errorsOf({}) === TOO_MUCH_WORK) {
        throw new UnusableSchemaError('refers to itself without an end');
      }
      return compiled;
    } catch (error) {
      throw error instanceof UnusableSchemaError
        ? error
        : new UnusableSchemaError(`cannot be used: ${(error as Error).message}`);
    }
  }

  /** What the last check took: units of the meter. */
  get work(): number {
    return this.meter.spent;
  }

  /**
   * What is wrong with an event as it is stored, but for `server`: `path: reason`, for people, at most ten. They name
   * what the schema declares, and hold nothing of the event. Empty when it is valid.
   */
  errorsOf(event: Readonly<Fields>): readonly string[] {
    this.meter.start();
    try {
      const isValid = this.validate(plainEvent(event, this.meter));
      return isValid ? NONE : this.told(this.validate.errors ?? []);
    } catch (error) {
      // A schema may refer to itself so often that the stack is full before the work is too much.
      const isTooMuch = error instanceof TooMuchWorkError || error instanceof RangeError;
      return isTooMuch ? TOO_MUCH_WORK : FAILED;
    } finally {
      this.validate.errors = null;
    }
  }

  private told(errors: readonly ErrorObject[]): string[] {
    const texts = new Set<string>();
    for (const error of errors) {
      texts.add(`${this.pathOf(error)}: ${reasonOf(error)}`);
      if (texts.size === MAX_ERRORS) {
        break;
      }
    }
    return [...texts];
  }

  private pathOf({ instancePath }: ErrorObject): string {
    const [, ...path] = instancePath.split('/');
    return path.length === 0 ? 'event' : path.map((name) => this.shown(name)).join('.');
  }

  private shown(escaped: string): string {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    return this.names.has(name) ? name : ANY;
  }
}

function parse(bytes: Buffer): Fields {
  if (bytes.length > MAX_BYTES) {
    throw new UnusableSchemaError(`is larger than ${MAX_BYTES} bytes`);
  }
  const text = utf8Text(bytes);
  if (text === undefined) {
    throw new UnusableSchemaError('is not in UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnusableSchemaError(`is no JSON: ${(error as Error).message}`);
  }
  if (!isFields(value)) {
    throw new UnusableSchemaError('is no JSON Schema: it must be an object');
  }
  return value;
}
