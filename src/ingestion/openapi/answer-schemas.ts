import type { JsonSchema } from '../../event/published-schema.js';
import { schemaRef } from './operation.js';

const TEXT: JsonSchema = { type: 'string' };
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };

/** An object with these members and no others. */
function exactly(required: Record<string, JsonSchema>, optional: Record<string, JsonSchema> = {}) {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}

/** An object that may have more members. */
function atLeast(required: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties: required, required: Object.keys(required) };
}

const REJECTED = { type: 'array', minItems: 1, items: schemaRef('RejectedEvent') };

const COLLECTED = {
  status: { enum: ['ok', 'partial'], description: '`partial`: some events were rejected.' },
  accepted: { ...COUNT, description: 'Events that are durable now.' },
};
const COLLECTED_TOO = {
  dropped: {
    ...COUNT,
    minimum: 1,
    description: 'Valid events that the operator asked not to store.',
  },
  rejected: REJECTED,
  warnings: { type: 'array', minItems: 1, items: TEXT },
};
const ALL_REJECTED = {
  statusCode: { const: 400 },
  code: { const: 'GT_ALL_REJECTED' },
  message: TEXT,
  status: { const: 'rejected' },
  accepted: { const: 0 },
  rejected: REJECTED,
};
const EVENTS = {
  events: {
    type: 'array',
    items: schemaRef('StoredEvent'),
    description: 'The valid ones, in their order.',
  },
};

/** What the collector answers, beside errors. */
export const ANSWER_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Collected: exactly(COLLECTED, COLLECTED_TOO),
  AllRejected: exactly(ALL_REJECTED),
  Validated: {
    oneOf: [
      exactly({ ...COLLECTED, ...EVENTS }, COLLECTED_TOO),
      exactly({ ...ALL_REJECTED, ...EVENTS }),
    ],
  },
  RejectedEvent: exactly({
    index: { ...COUNT, description: 'Its place in the request; blank lines do not count.' },
    errors: {
      type: 'array',
      minItems: 1,
      maxItems: 10,
      items: TEXT,
      description: '`path: reason`, never a value.',
    },
  }),
  StoredEvent: {
    description: 'As the event is stored, without `server`.',
    ...schemaRef('EventFields'),
    required: ['event_id', 'ts', 'received_at', 'type'],
    properties: {
      ts: { type: 'string', format: 'date-time' },
      received_at: { type: 'string', format: 'date-time' },
    },
  },
  MessagesTaken: exactly({ success: { const: true } }, { rejected: REJECTED }),
  ProjectSettings: atLeast({
    integrations: atLeast({
      'Segment.io': atLeast({ apiKey: TEXT, apiHost: TEXT, protocol: { enum: ['http', 'https'] } }),
    }),
  }),
  SourceConfig: atLeast({
    source: atLeast({ writeKey: TEXT, enabled: { const: true }, destinations: { maxItems: 0 } }),
  }),
  SigningKey: exactly({
    public_key: { type: 'string', contentEncoding: 'base64' },
    algorithm: { const: 'HMAC-SHA256' },
    header: { const: 'X-GoTrack-HMAC' },
  }),
  Readiness: exactly({
    status: { enum: ['ok', 'degraded', 'unavailable'] },
    checks: {
      type: 'object',
      additionalProperties: TEXT,
      description: 'Each with its state: `process`, `queue`, `dead-letters`, `sink:log`, …',
    },
  }),
};
