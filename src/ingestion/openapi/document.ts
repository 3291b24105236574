import { publishedSchemas, type JsonSchema } from '../../event/published-schema.js';
import type { Route } from '../../http/routes.js';
import { CLIENT } from '../assets/client-names.js';
import type { PathsOptions } from '../paths.options.js';
import { COLLECT, HMAC_KEY, HMAC_SCRIPT, isClientRoute, PIXEL, servedRoutes } from '../routes.js';
import { pathsOfCall } from '../segment/paths.js';
import { ANSWER_SCHEMAS } from './answer-schemas.js';
import {
  ERROR_EXAMPLES,
  ERROR_SCHEMA,
  type ErrorReferences,
  errorResponses,
} from './error-responses.js';
import { EVENT_OPERATIONS } from './event-operations.js';
import { FILE_OPERATIONS } from './file-operations.js';
import { MESSAGE_SCHEMAS } from './message-schemas.js';
import { type Operation, type Parameter, schemaRef } from './operation.js';
import { SECURITY_SCHEMES } from './security-schemes.js';
import { SEGMENT_OPERATIONS } from './segment-operations.js';
import { SHARED_PARAMETERS } from './shared-parameters.js';

/** What of the configuration shows in the document. */
export interface Described {
  readonly version: string;
  readonly publicUrl: string | undefined;
  readonly paths: Omit<PathsOptions, 'faults'>;
  /** VALIDATE=true. */
  readonly validate: boolean;
  /** HMAC_SECRET is set. */
  readonly signatures: boolean;
}

const SUMMARY = `Takes events from pages, apps and servers, makes each one durable before it answers, and delivers it to every sink.

- A 200 or 202 to events means that they are durable, or that the operator asked to drop them. No other answer to events is 2xx.
- Every error is JSON with \`statusCode\`, a stable \`code\` and a \`message\`. After a 503 the same request may be sent again, after \`Retry-After\` seconds.
- Any other path is \`404 GT_NOT_FOUND\`; a path with another method is \`405 GT_METHOD_NOT_ALLOWED\`, with \`Allow\`.
- Where GET is answered, HEAD is, too. OPTIONS on any path answers a CORS preflight with 204.
- The paths of the Segment HTTP API may also end in a slash.
- Keys and signatures are needed where the collector is configured so. Where it checks signatures, a POST with the header \`X-GoTrack-HMAC\` is collected on any path that has no route.`;

const TAGS = [
  { name: 'events', description: 'Events in their own form' },
  { name: 'segment', description: 'The Segment HTTP API, which SDKs of others speak' },
  { name: 'client', description: 'The browser client' },
  { name: 'signing', description: 'Keys with which clients sign' },
  { name: 'health', description: 'For balancers' },
  { name: 'description', description: 'What describes the rest' },
];

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...EVENT_OPERATIONS,
  ...SEGMENT_OPERATIONS,
  ...FILE_OPERATIONS,
};

const HASH: Parameter = {
  name: 'hash',
  in: 'path',
  description: 'Of the content; Content-Location of the path without it says it.',
  schema: { type: 'string', pattern: '^[0-9a-f]{16}$' },
  required: true,
  example: '3f0c2a9d41b7e655',
};

/** The OpenAPI document of the collector. It describes what is served as it is configured. */
export function openApiDocument(described: Described): JsonSchema {
  const errors = errorResponses();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routesOf(described)) {
    const operation = operationOf(route);
    for (const [index, path] of pathsOf(route.path, described.paths).entries()) {
      const method = route.methods[0]?.toLowerCase() ?? '';
      paths[path] = {
        ...paths[path],
        [method]: describe(operation, route, path, index, errors.referencesOf[operation.errors]),
      };
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'GoTrack collector',
      version: described.version,
      description: SUMMARY,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: described.publicUrl ?? '/' }],
    tags: TAGS,
    paths,
    components: {
      schemas: {
        Events: {
          oneOf: [
            schemaRef('EventFields'),
            { type: 'array', minItems: 1, items: schemaRef('EventFields') },
          ],
        },
        ...publishedSchemas('#/components/schemas/'),
        ...MESSAGE_SCHEMAS,
        ...ANSWER_SCHEMAS,
        Error: ERROR_SCHEMA,
      },
      parameters: SHARED_PARAMETERS,
      requestBodies: requestBodies(described),
      responses: errors.components,
      examples: ERROR_EXAMPLES,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function routesOf({ validate, signatures }: Described): readonly Route[] {
  return servedRoutes({ validate }).filter(
    ({ path }) => signatures || (path !== HMAC_SCRIPT && path !== HMAC_KEY),
  );
}

function operationOf({ path }: Route): Operation {
  const operation = OPERATIONS[path];
  if (operation === undefined) {
    throw new Error(`no operation describes ${path}`);
  }
  return operation;
}

/** Every path that leads to a route, that of the route itself first where it is one. */
function pathsOf(
  route: string,
  { collectPaths, pixelPaths, clientPath }: Described['paths'],
): readonly string[] {
  if (route === COLLECT || route === PIXEL) {
    return [...new Set([route, ...(route === COLLECT ? collectPaths : pixelPaths)])];
  }
  if (isClientRoute(route)) {
    const path = clientPath + route.slice(CLIENT.length);
    return [path, `${path.slice(0, -'.js'.length)}.{hash}.js`];
  }
  return pathsOfCall(route).map((path) => path.replaceAll(/:(\w+)/g, '{$1}'));
}

function describe(
  { id, tag, bodies, success, others, security, parameters = [], ...said }: Operation,
  { status }: Route,
  path: string,
  index: number,
  errors: ErrorReferences,
): Readonly<Record<string, unknown>> {
  const all = path.includes('{hash}') ? [HASH, ...parameters] : parameters;
  return {
    operationId: index === 0 ? id : `${id}${index + 1}`,
    tags: [tag],
    summary: said.summary,
    ...(said.description !== undefined && { description: said.description }),
    ...(all.length > 0 && { parameters: all }),
    ...(bodies && { requestBody: { $ref: `#/components/requestBodies/${id}` } }),
    responses: { [status]: success, ...others, ...errors },
    ...(security && { security }),
  };
}

function requestBodies(described: Described): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    routesOf(described).flatMap((route) => {
      const { id, bodies } = operationOf(route);
      return bodies === undefined ? [] : [[id, { required: true, content: bodies }]];
    }),
  );
}
