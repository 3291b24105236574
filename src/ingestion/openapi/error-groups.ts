import type { ErrorCode } from '../../http/errors.js';

/** Whatever the path is. Those of malformed HTTP may come before one is known. */
const ANY_REQUEST = [
  'GT_BAD_REQUEST',
  'GT_BAD_URL',
  'GT_UNENCODED_URL',
  'GT_HOST',
  'GT_MALFORMED_HTTP',
  'GT_REQUEST_TIMEOUT',
  'GT_CHUNK_EXTENSIONS_TOO_LARGE',
  'GT_EXPECTATION_FAILED',
  'GT_HEADERS_TOO_LARGE',
  'GT_INTERNAL',
  'GT_TRANSFER_ENCODING',
] as const satisfies ErrorCode[];

const ADMISSION = [
  'GT_UNKNOWN_SENDER',
  'GT_ORIGIN',
  'GT_RATE_LIMIT',
  'GT_BUSY',
] as const satisfies ErrorCode[];

const QUEUE = [
  'GT_QUEUE_FULL',
  'GT_QUEUE_AWAY',
  'GT_QUEUE_REFUSED',
  'GT_DISK',
  'GT_DRAINING',
] as const satisfies ErrorCode[];

const BODY = [
  'GT_EMPTY_BODY',
  'GT_BAD_ENCODING',
  'GT_CORRUPT_BODY',
  'GT_MALFORMED_JSON',
  'GT_BODY_TOO_LARGE',
  'GT_TOO_MANY_EVENTS',
] as const satisfies ErrorCode[];

const EVENTS = [
  ...BODY,
  'GT_NOT_AN_EVENT',
  'GT_NO_EVENTS',
  'GT_UNSUPPORTED_MEDIA_TYPE',
] as const satisfies ErrorCode[];

/** What the operations of the collector answer when they fail. */
export const ERROR_GROUPS = {
  anyRequest: ANY_REQUEST,
  file: [...ANY_REQUEST, 'GT_NOT_FOUND'],
  events: [...ANY_REQUEST, ...ADMISSION, 'GT_ALL_REJECTED', ...QUEUE],
  messages: [...ANY_REQUEST, ...ADMISSION, ...BODY, ...QUEUE],
  validate: [...ANY_REQUEST, ...ADMISSION, ...EVENTS],
  collect: [...ANY_REQUEST, ...ADMISSION, ...EVENTS, 'GT_ALL_REJECTED', ...QUEUE],
} as const satisfies Record<string, readonly ErrorCode[]>;

export type ErrorGroup = keyof typeof ERROR_GROUPS;

/** What is answered where no operation is. */
export const OUTSIDE = ['GT_NOT_FOUND', 'GT_METHOD_NOT_ALLOWED'] as const satisfies ErrorCode[];

/** Every code that the collector answers with, in the order of the catalogue. */
export type CollectorErrorCode =
  (typeof ERROR_GROUPS)[ErrorGroup][number] | (typeof OUTSIDE)[number];
