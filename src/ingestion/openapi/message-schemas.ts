import type { JsonSchema } from '../../event/published-schema.js';
import { CALLS, MAPPING, type Reading } from '../segment/mapping.js';
import { schemaRef } from './operation.js';

const TEXT: JsonSchema = { type: 'string' };
const OBJECT: JsonSchema = { type: 'object' };
const TIME: JsonSchema = { type: ['string', 'number'] };

const SCHEMA_OF: Readonly<Record<Reading, JsonSchema>> = {
  address: TEXT,
  boolean: { type: 'boolean' },
  id: { type: ['string', 'number'] },
  key: TEXT,
  number: { type: 'number' },
  object: OBJECT,
  page: TEXT,
  query: TEXT,
  referrer: TEXT,
  'sent at': TIME,
  text: TEXT,
  time: TIME,
  traits: OBJECT,
};

interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Record<string, JsonSchema | ObjectSchema>;
}

/** What the calls of the Segment HTTP API take: the fields of the table, and any others. */
export const MESSAGE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Message: messageSchema(),
  Track: { ...schemaRef('Message'), required: ['event'] },
  Batch: {
    type: 'object',
    required: ['batch'],
    properties: {
      batch: { type: 'array', items: { ...schemaRef('Message'), required: ['type'] } },
      context: { ...OBJECT, description: 'Lies under that of each message.' },
      sentAt: { ...TIME, description: 'The clock of the client when the request leaves.' },
      writeKey: { ...TEXT, description: 'The key, unless a header or the query has one.' },
    },
  },
};

function messageSchema(): JsonSchema {
  const root: ObjectSchema = {
    type: 'object',
    properties: {
      type: { enum: Object.keys(CALLS), description: 'Of a message in a batch.' },
      event: { type: 'string', description: 'Of a track; becomes `type`.' },
    },
  };
  for (const { from, as, to } of MAPPING) {
    const path = from.split('.');
    const name = path.pop() as string;
    let parent = root;
    for (const step of path) {
      parent = (parent.properties[step] ??= { type: 'object', properties: {} }) as ObjectSchema;
    }
    const said = to === '' ? {} : { description: `Becomes \`${to}\`.` };
    parent.properties[name] = { ...SCHEMA_OF[as], ...said };
  }
  return { ...root };
}
