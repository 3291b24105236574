import type { JsonSchema } from '../../event/published-schema.js';
import { CLIENT, CLIENT_ROUTES } from '../assets/client-names.js';
import { EVENT_SCHEMA, HMAC_KEY, HMAC_SCRIPT, OPENAPI } from '../routes.js';
import { type Answer, type Operation, schemaRef } from './operation.js';

const TEXT: JsonSchema = { type: 'string' };

const script: Answer['content'] = { 'text/javascript': {} };
const etag = { ETag: { description: 'Of its content.', schema: TEXT, required: true } } as const;
const notStored = {
  'Cache-Control': { description: 'Forbids to keep it.', schema: TEXT, required: true },
} as const;

const clientFile = (route: string): Operation => {
  const variant = route.slice(CLIENT.length + 1, -'.js'.length).replace('.', '') || 'browser';
  return {
    id: `${variant}Client`,
    tag: 'client',
    summary: `The browser client: ${route.slice(1)} unless CLIENT_PATH gives it another name`,
    description: 'It comes compressed as Accept-Encoding says, and to pages of any origin.',
    parameters: [
      {
        name: 'If-None-Match',
        in: 'header',
        description: 'The ETag of what the client has.',
        schema: TEXT,
      },
    ],
    success: {
      description: 'The script.',
      headers: {
        ...etag,
        'Content-Location': {
          description: 'The name that may be kept for ever, of a script asked for without a hash.',
          schema: TEXT,
        },
      },
      content: script,
    },
    others: { 304: { description: 'What the client has is the same.', headers: etag } },
    errors: 'file',
  };
};

const described = (id: string, summary: string): Operation => ({
  id,
  tag: 'description',
  summary,
  success: {
    description: 'Generated from the code that answers.',
    content: { 'application/json': { schema: { type: 'object' } } },
  },
  errors: 'anyRequest',
});

/** By route. */
export const FILE_OPERATIONS: Readonly<Record<string, Operation>> = {
  ...Object.fromEntries(CLIENT_ROUTES.map((route) => [route, clientFile(route)])),
  [HMAC_SCRIPT]: {
    id: 'signingScript',
    tag: 'signing',
    summary: 'The script that signs what a page sends, with the key of this client',
    description: 'With `HMAC_SECRET` only.',
    success: { description: 'The script.', headers: notStored, content: script },
    errors: 'file',
  },
  [HMAC_KEY]: {
    id: 'signingKey',
    tag: 'signing',
    summary: 'The key with which this client signs',
    description: 'With `HMAC_SECRET` only.',
    success: {
      description: 'The key.',
      headers: notStored,
      content: { 'application/json': { schema: schemaRef('SigningKey') } },
    },
    errors: 'file',
  },
  [OPENAPI]: described('openapi', 'This document, as the collector is configured'),
  [EVENT_SCHEMA]: described('eventSchema', 'The JSON Schema of an event'),
  '/healthz': {
    id: 'alive',
    tag: 'health',
    summary: 'Whether the process lives',
    success: {
      description: 'It does.',
      content: { 'text/plain': { schema: { const: 'ok' } } },
    },
    errors: 'anyRequest',
  },
  '/readyz': {
    id: 'ready',
    tag: 'health',
    summary: 'Whether events are accepted',
    success: {
      description: 'They are. `degraded`: a sink is down, and its events wait in the queue.',
      headers: notStored,
      content: { 'application/json': { schema: schemaRef('Readiness') } },
    },
    others: {
      503: {
        description: 'They are not: the queue cannot take them, or the process ends.',
        headers: notStored,
        content: { 'application/json': { schema: schemaRef('Readiness') } },
      },
    },
    errors: 'anyRequest',
  },
};
