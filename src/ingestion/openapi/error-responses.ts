import { STATUS_CODES } from 'node:http';
import { type ErrorCode, type ErrorKind, ERRORS } from '../../http/errors.js';
import type { JsonSchema } from '../../event/published-schema.js';
import { ERROR_GROUPS, type ErrorGroup, OUTSIDE } from './error-groups.js';
import { type Answer, type Example, type Header, type Reference, schemaRef } from './operation.js';

const REJECTED = {
  status: 'rejected',
  accepted: 0,
  rejected: [{ index: 0, errors: ['type: must be a string'] }],
};

const isUsed = new Set<ErrorCode>([...Object.values(ERROR_GROUPS).flat(), ...OUTSIDE]);
const CODES = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => isUsed.has(code));

/** The form of every error. */
export const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    statusCode: { type: 'integer', description: 'The status of the answer.' },
    code: { enum: CODES, description: 'Stable.' },
    message: { type: 'string', description: 'For people; it may say more than the example.' },
  },
  required: ['statusCode', 'code', 'message'],
  additionalProperties: false,
};

export const ERROR_EXAMPLES: Readonly<Record<string, Example>> = Object.fromEntries(
  CODES.map((code) => {
    const { status: statusCode, message } = ERRORS[code];
    const more = code === 'GT_ALL_REJECTED' ? REJECTED : {};
    return [code, { summary: message, value: { statusCode, code, message, ...more } }];
  }),
);

/** Those of an operation, by status. */
export type ErrorReferences = Readonly<Record<string, Reference>>;

/** The responses of each group of errors. What two groups answer alike with is there once. */
export function errorResponses(): {
  readonly components: Readonly<Record<string, Answer>>;
  readonly referencesOf: Readonly<Record<ErrorGroup, ErrorReferences>>;
} {
  const names = new Map<string, string>();
  const components: Record<string, Answer> = {};
  const refer = (group: string, status: string, codes: readonly ErrorCode[]): Reference => {
    const all = codes.join();
    const name = names.get(all) ?? (codes.length === 1 ? all : `${group}${status}`);
    names.set(all, name);
    components[name] ??= response(Number(status), codes);
    return { $ref: `#/components/responses/${name}` };
  };
  const referencesIn = (group: string, codes: readonly ErrorCode[]): ErrorReferences =>
    Object.fromEntries(
      [...Map.groupBy(codes, (code) => ERRORS[code].status)].map(([status, those]) => [
        status,
        refer(group, String(status), those),
      ]),
    );
  const referencesOf = Object.fromEntries(
    Object.entries(ERROR_GROUPS).map(([group, codes]) => [
      group,
      referencesIn(
        group,
        CODES.filter((code) => (codes as readonly ErrorCode[]).includes(code)),
      ),
    ]),
  ) as Record<ErrorGroup, ErrorReferences>;
  referencesIn('outside', OUTSIDE);
  return { components, referencesOf };
}

function response(status: number, codes: readonly ErrorCode[]): Answer {
  const said = codes.map((code) => `- \`${code}\`: ${ERRORS[code].message}`);
  const headers = headersOf(status, codes);
  return {
    description: `${STATUS_CODES[status]}\n\n${said.join('\n')}`,
    ...(headers && { headers }),
    content: {
      'application/json': {
        schema: schemaOf(status, codes),
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

/** The codes of this answer only. Where all events were rejected, the answer says more. */
function schemaOf(status: number, codes: readonly ErrorCode[]): JsonSchema {
  const plain = {
    ...schemaRef('Error'),
    properties: {
      statusCode: { const: status },
      code: { enum: codes.filter((code) => code !== 'GT_ALL_REJECTED') },
    },
  };
  return codes.includes('GT_ALL_REJECTED') ? { oneOf: [plain, schemaRef('AllRejected')] } : plain;
}

function headersOf(
  status: number,
  codes: readonly ErrorCode[],
): Readonly<Record<string, Header>> | undefined {
  const kinds: readonly ErrorKind[] = codes.map((code) => ERRORS[code]);
  if (status === 405) {
    return { Allow: header('The methods of the path.', { type: 'string' }) };
  }
  if (status === 429 || kinds.some(({ retryAfter }) => retryAfter !== undefined)) {
    const seconds = { type: 'integer', minimum: 1 };
    return { 'Retry-After': header('Seconds until the same request may succeed.', seconds) };
  }
  return kinds.some(({ challenge }) => challenge !== undefined)
    ? { 'WWW-Authenticate': header('What may be sent to be known.', { type: 'string' }) }
    : undefined;
}

function header(description: string, schema: JsonSchema): Header {
  return { description, schema, required: true };
}
