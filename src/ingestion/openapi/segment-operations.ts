import { CALLS } from '../segment/mapping.js';
import { SETTINGS, SOURCE_CONFIG } from '../segment/paths.js';
import { type Media, type Operation, schemaRef } from './operation.js';
import { BY_WRITE_KEY } from './security-schemes.js';
import { EVENT_PARAMETERS, shared } from './shared-parameters.js';

type Call = keyof typeof CALLS;

const page = { url: 'https://shop.example/cart?utm_source=mail', title: 'Cart' };
const always = {
  messageId: 'm-1',
  anonymousId: 'a-1',
  userId: 'u-1',
  timestamp: '2026-11-26T10:00:00.123456789Z',
  sentAt: '2026-11-26T10:00:01.000Z',
  context: { page, locale: 'de-CH', library: { name: 'example', version: '1.0.0' } },
};

interface Described {
  readonly summary: string;
  /** What a message has beside what each has. */
  readonly example: object;
}

const DESCRIBED: Readonly<Record<Call, Described>> = {
  track: {
    summary: 'Takes a message: something happened',
    example: { event: 'Signed up', properties: { plan: 'pro' } },
  },
  page: { summary: 'Takes a message: a page was seen', example: { name: 'Cart' } },
  screen: { summary: 'Takes a message: a screen of an app was seen', example: { name: 'Start' } },
  identify: {
    summary: 'Takes a message: who it is',
    example: { traits: { city: 'Zürich' } },
  },
  group: { summary: 'Takes a message: to whom they belong', example: { groupId: 'g-1' } },
  alias: { summary: 'Takes a message: two ids are one', example: { previousId: 'u-0' } },
};

/** Any type is read as JSON; these are those that SDKs send. */
function bodies(schema: string, name: string, value: object): Readonly<Record<string, Media>> {
  const summary = 'As SDKs send it';
  const asText: Media = {
    schema: {
      type: 'string',
      contentMediaType: 'application/json',
      contentSchema: schemaRef(schema),
      description: 'The same JSON.',
    },
    examples: { [name]: { summary, value: JSON.stringify(value) } },
  };
  return {
    'application/json': { schema: schemaRef(schema), examples: { [name]: { summary, value } } },
    'text/plain': asText,
    'application/x-www-form-urlencoded': asText,
  };
}

const takesMessages = {
  tag: 'segment',
  parameters: [...EVENT_PARAMETERS, shared('ContentEncoding')],
  success: {
    description:
      'The body could be read. Its valid messages are durable; the others are in `rejected`, even when all are.',
    content: {
      'application/json': {
        schema: schemaRef('MessagesTaken'),
        examples: {
          success: { summary: 'All are valid', value: { success: true } },
          rejected: {
            summary: 'One is not',
            value: {
              success: true,
              rejected: [{ index: 0, errors: ['event: must be a text that is not empty'] }],
            },
          },
        },
      },
    },
  },
  errors: 'messages',
  security: BY_WRITE_KEY,
} as const;

const messageOf = (call: Call): object => ({ ...always, ...DESCRIBED[call].example });

const CALL_OPERATIONS = Object.fromEntries(
  (Object.keys(CALLS) as Call[]).map((call): [string, Operation] => [
    `/v1/${call}`,
    {
      ...takesMessages,
      id: call,
      summary: DESCRIBED[call].summary,
      bodies: bodies(call === 'track' ? 'Track' : 'Message', call, messageOf(call)),
    },
  ]),
);

const batch: Operation = {
  ...takesMessages,
  id: 'batch',
  summary: 'Takes messages that say their type',
  bodies: bodies('Batch', 'batch', {
    batch: [
      { type: 'track', ...messageOf('track') },
      { type: 'identify', userId: 7, traits: { plan: 'pro' } },
    ],
    context: { timezone: 'Europe/Zurich' },
    sentAt: always.sentAt,
  }),
};

const key = {
  name: 'key',
  in: 'path',
  description: 'The write key of the SDK. Every key gets the same answer.',
  schema: { type: 'string', minLength: 1 },
  required: true,
  example: 'write-key',
} as const;

/** By route. */
export const SEGMENT_OPERATIONS: Readonly<Record<string, Operation>> = {
  ...CALL_OPERATIONS,
  '/v1/batch': batch,
  [SETTINGS]: {
    id: 'projectSettings',
    tag: 'segment',
    summary: 'What @segment/analytics-next asks for before it sends',
    parameters: [key],
    success: {
      description: 'Names this collector as the only destination.',
      content: { 'application/json': { schema: schemaRef('ProjectSettings') } },
    },
    errors: 'anyRequest',
  },
  [SOURCE_CONFIG]: {
    id: 'sourceConfig',
    tag: 'segment',
    summary: 'What @rudderstack/analytics-js asks for before it sends',
    parameters: [
      {
        name: 'writeKey',
        in: 'query',
        description: 'The write key of the SDK; `Authorization` may have it, too.',
        schema: { type: 'string' },
        example: 'write-key',
      },
    ],
    success: {
      description: 'An enabled source without destinations.',
      content: { 'application/json': { schema: schemaRef('SourceConfig') } },
    },
    errors: 'anyRequest',
  },
};
