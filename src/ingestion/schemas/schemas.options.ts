import { oneOf, text } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';

const MODES = ['report', 'reject'] as const;

/** What events of each type are to look like. */
export class SchemasOptions {
  static readonly key = 'schemas';

  @Setting('EVENT_SCHEMAS', text, {
    doc: 'A folder of JSON Schemas that events are checked against before they are stored: signup.json is for events of the type signup, *.json for types without a file of their own. A changed file is taken without a restart.',
  })
  readonly folder: string | undefined = undefined;

  @Setting('EVENT_SCHEMAS_MODE', oneOf(...MODES), {
    doc: 'What becomes of an event that violates its schema: report counts it and stores it, reject refuses it and keeps it among the rejected ones.',
  })
  readonly mode: (typeof MODES)[number] = 'report';
}
