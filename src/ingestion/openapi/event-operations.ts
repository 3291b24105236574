import { PIXEL_PARAMETERS } from '../../event/campaign.js';
import { COLLECT, PIXEL, VALIDATE } from '../routes.js';
import { type Answer, type Media, type Operation, type Parameter, schemaRef } from './operation.js';
import { BY_KEY, BY_KEY_OR_SIGNATURE } from './security-schemes.js';
import { EVENT_PARAMETERS, shared } from './shared-parameters.js';

const TEXT = { type: 'string' };

const PAGE_PARAMETERS: readonly Parameter[] = [
  parameter('e', 'Becomes `type`; without it, `pageview`.', 'signup'),
  parameter('event_id', 'Becomes `event_id`.'),
  parameter('ts', 'Becomes `ts`.'),
  parameter('uid', 'Becomes `session.visitor_id`.', 'v-1'),
  parameter('sid', 'Becomes `session.session_id`.'),
  parameter(
    'url',
    'The page: becomes `route`, `url.raw_query` and, from its query, campaign data. Without it, the page is the Referer.',
    'https://shop.example/cart?utm_source=mail',
  ),
  parameter('ref', 'Becomes `url.referrer`.'),
  parameter('title', 'Becomes `route.title`.'),
];

function parameter(name: string, description: string, example?: string): Parameter {
  return {
    name,
    in: 'query',
    description,
    schema: TEXT,
    ...(example !== undefined && { example }),
  };
}

const pixel: Operation = {
  id: 'pixel',
  tag: 'events',
  summary: 'Takes one event from the query',
  description: 'HEAD takes it, too. The answer is never cached.',
  parameters: [
    ...PAGE_PARAMETERS,
    ...Array.from(PIXEL_PARAMETERS, ([name, field]) => parameter(name, `Becomes \`${field}\`.`)),
    {
      name: 'props',
      in: 'query',
      description: 'Every other parameter becomes `props.<name>`.',
      schema: { type: 'object', additionalProperties: TEXT },
      style: 'form',
      explode: true,
      example: { plan: 'pro' },
    },
    ...EVENT_PARAMETERS,
  ],
  success: {
    description: 'A transparent pixel. The event is durable, or was dropped as the operator asked.',
    headers: {
      'Cache-Control': { description: 'Forbids to keep it.', schema: TEXT, required: true },
    },
    content: { 'image/gif': {} },
  },
  errors: 'events',
  security: BY_KEY,
};

const event = {
  event_id: '0198c5f2-7c1e-7f3a-9d5b-2f6f0a1b2c3d',
  type: 'signup',
  url: { raw_query: 'utm_source=mail', referrer: 'https://search.example/' },
  route: { domain: 'shop.example', path: '/cart', title: 'Cart' },
  device: { language: 'de', screens: [{ width: 1920, height: 1080 }] },
  session: { visitor_id: 'v-1', session_seq: 2 },
  user: { id: 'u-1', traits: { city: 'Zürich' } },
  props: { plan: 'pro', price: 9.5 },
};
const small = [
  { type: 'signup', props: { plan: 'pro' } },
  { type: 'login', ts: null },
];

const JSON_EXAMPLES = {
  event: { summary: 'One event', value: event },
  events: { summary: 'An array of events', value: small },
  empty: { summary: 'Every field is optional', value: {} },
};

/** The forms of a body with events, by content type. */
const BODIES: Readonly<Record<string, Media>> = {
  'application/json': { schema: schemaRef('Events'), examples: JSON_EXAMPLES },
  'text/plain': {
    schema: {
      type: 'string',
      contentMediaType: 'application/json',
      contentSchema: schemaRef('Events'),
      description: 'The same JSON: a page can send this type without a preflight.',
    },
    examples: {
      events: { summary: 'JSON, as a beacon sends it', value: JSON.stringify(small) },
    },
  },
  'application/x-ndjson': {
    schema: { type: 'string', description: 'An event a line. Blank lines do not count.' },
    examples: {
      lines: {
        summary: 'Two events and a blank line',
        value: `${small.map((each) => JSON.stringify(each)).join('\n\n')}\n`,
      },
    },
  },
};

const rejected = [{ index: 1, errors: ['type: must be a string'] }];

const collected: Answer = {
  description: 'At least one event is valid. Those that `accepted` counts are durable.',
  headers: {
    'X-Gotrack-Accepted': {
      description: 'The same as `accepted`.',
      schema: { type: 'integer', minimum: 0 },
      required: true,
    },
  },
  content: {
    'application/json': {
      schema: schemaRef('Collected'),
      examples: {
        ok: { summary: 'All are valid', value: { status: 'ok', accepted: 2 } },
        partial: {
          summary: 'Some are invalid',
          value: { status: 'partial', accepted: 1, rejected },
        },
        dropped: {
          summary: 'Dropped as the operator asked',
          value: { status: 'ok', accepted: 0, dropped: 2 },
        },
      },
    },
  },
};

const validated: Answer = {
  description: 'What `/collect` would answer, and each event as it would be stored.',
  content: {
    'application/json': {
      schema: schemaRef('Validated'),
      examples: {
        partial: {
          summary: 'One event of two is valid',
          value: {
            status: 'partial',
            accepted: 1,
            rejected,
            events: [
              {
                event_id: '0198c5f2-7c1e-7f3a-9d5b-2f6f0a1b2c3d',
                ts: '2026-11-26T10:00:00.000Z',
                received_at: '2026-11-26T10:00:00.000Z',
                type: 'signup',
              },
            ],
          },
        },
      },
    },
  },
};

const takesEvents = {
  tag: 'events',
  parameters: [...EVENT_PARAMETERS, shared('ContentEncoding')],
  bodies: BODIES,
  security: BY_KEY_OR_SIGNATURE,
} as const;

/** By route. */
export const EVENT_OPERATIONS: Readonly<Record<string, Operation>> = {
  [PIXEL]: pixel,
  [COLLECT]: {
    ...takesEvents,
    id: 'collect',
    summary: 'Takes events: one, an array, or NDJSON',
    description:
      'The valid events of a request become durable together or not at all. A body without a Content-Type counts as JSON.',
    success: collected,
    errors: 'collect',
  },
  [VALIDATE]: {
    ...takesEvents,
    id: 'validate',
    summary: 'Says what /collect would answer, and stores nothing',
    description: 'With `VALIDATE=true` only.',
    success: validated,
    errors: 'validate',
  },
};
