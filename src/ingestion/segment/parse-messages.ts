import { type Fields, isFields } from '../../event/fields.js';
import { parseJson } from '../../event/parse-json.js';
import type { Work } from '../../event/work.js';
import { HttpError } from '../../http/errors.js';
import { faultOf } from '../body/json-fault.js';
import { JsonScanner } from '../collect/json-scanner.js';
import { BuiltElement } from '../collect/large-element.js';
import {
  type EventLimits,
  LARGE,
  ofLength,
  parseEvents,
  parseScanned,
  scanBody,
} from '../collect/parse-events.js';
import { type Elements, LargeElement, PAUSE } from '../elements.js';
import { UnreadElement } from '../unread-element.js';

/** A body in Segment's form. */
export interface Messages {
  /** Not validated yet; those of a large body are parsed as they are asked for. For large ones, see `messageIn`. */
  readonly elements: Elements;
  /** Members beside the batch, or the message itself: its `writeKey`, `sentAt` and `context` are of interest. */
  readonly envelope: Fields;
}

/** What was parsed, of whatever size. */
export function messageIn(element: unknown): unknown {
  if (element instanceof BuiltElement) {
    return element.fields;
  }
  return element instanceof LargeElement ? element.value : element;
}

const NO_OBJECT = new UnreadElement('not_an_object', 'message: must be an object');
const NO_BATCH = new UnreadElement('not_an_object', 'batch: must be an array of messages');

/**
 * The messages of a body.
 * @param isBatch whether the call has many; else the body is the message
 * @throws HttpError the body is no JSON, or too much
 */
export function* parseMessages(
  text: string,
  isBatch: boolean,
  { maxBatchEvents, maxEventBytes }: Omit<EventLimits, 'removals'>,
): Work<Messages> {
  const limits = { maxBatchEvents, maxEventBytes, removals: undefined };
  if (text.length <= LARGE) {
    return messagesOf(text, isBatch, limits);
  }
  return isBatch ? yield* parseLargeBatch(text, limits) : yield* parseLargeMessage(text, limits);
}

function messagesOf(text: string, isBatch: boolean, limits: EventLimits): Messages {
  const value = parseSmall(text);
  if (!isFields(value)) {
    return nothingOf(isBatch ? NO_BATCH : NO_OBJECT);
  }
  if (!isBatch) {
    return { elements: ofLength(text.length, value), envelope: value };
  }
  const { batch } = value;
  if (!Array.isArray(batch)) {
    return { elements: [NO_BATCH], envelope: value };
  }
  assertCount(batch.length, limits);
  return { elements: batch, envelope: value };
}

/** @throws HttpError too many */
function assertCount(count: number, { maxBatchEvents }: EventLimits): void {
  if (count > maxBatchEvents) {
    throw new HttpError('GT_TOO_MANY_EVENTS', `at most ${maxBatchEvents}`);
  }
}

function parseSmall(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new HttpError('GT_MALFORMED_JSON', faultOf(text, error as SyntaxError));
  }
}

/** Parses what is beside the batch at once, so it must be small: a context is stored with each message anyway. */
function* parseLargeBatch(text: string, limits: EventLimits): Work<Messages> {
  const scanner = new JsonScanner(text, limits.maxBatchEvents, 'batch');
  yield* scanBody(text, scanner);
  const { list, count } = scanner;
  if (list === undefined) {
    return nothingOf(NO_BATCH);
  }
  const rest = `${text.slice(0, list.start).trimEnd()}null${text.slice(list.end).trimStart()}`;
  if (rest.length > LARGE) {
    throw new HttpError('GT_BODY_TOO_LARGE', `beside the batch, at most ${LARGE} characters`);
  }
  assertCount(count, limits);
  return { elements: parseScanned(text, scanner, limits), envelope: parseSmall(rest) as Fields };
}

function* parseLargeMessage(text: string, limits: EventLimits): Work<Messages> {
  const elements = yield* parsePart(text, limits);
  if (isList(text)) {
    return nothingOf(NO_OBJECT);
  }
  for (const element of elements) {
    if (element !== PAUSE) {
      const message = messageIn(element);
      return { elements: [element], envelope: isFields(message) ? message : {} };
    }
    yield;
  }
  return nothingOf(NO_OBJECT);
}

/** Elements of an array, or the one that the text is. Where a fault is, is said of the whole body only. */
function* parsePart(text: string, limits: EventLimits): Work<Elements> {
  try {
    return yield* parseEvents('json', text, limits);
  } catch (error) {
    const code = error instanceof HttpError ? error.code : undefined;
    if (code === 'GT_NO_EVENTS') {
      return [];
    }
    if (code === 'GT_NOT_AN_EVENT') {
      return [NO_OBJECT];
    }
    throw code === 'GT_MALFORMED_JSON' ? new HttpError(code) : error;
  }
}

function isList(text: string): boolean {
  return text.trimStart().startsWith('[');
}

function nothingOf(element: UnreadElement): Messages {
  return { elements: [element], envelope: {} };
}
