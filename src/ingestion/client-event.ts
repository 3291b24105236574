import { type Fields, isFields, unlessEmpty } from '../event/fields.js';
import { lacksUserAgent } from '../event/prepare-event.js';

/** What an event says of the client that it comes from. Not validated. */
export interface NamedClient {
  readonly address?: unknown;
  readonly userAgent?: unknown;
}

/** Stands for an event that names its client, among what others were parsed to. */
export class ClientEvent {
  constructor(
    /** Without the client's address. */
    readonly fields: Fields,
    readonly client: NamedClient,
    /** What its protocol finds wrong with it, for the client; its own fields say it then, too. */
    readonly errors: readonly string[] = [],
  ) {}
}

/**
 * Takes out of an element of `/collect` what names its client: `context.ip`, which is stored for nobody, and of what a
 * server sent `context.userAgent` too, unless the event has one in its place. It changes the element, which may be too
 * large to be copied.
 * @returns the same value where nothing names a client
 */
export function takeClient(element: unknown, isFromServer: boolean): unknown {
  const context = isFields(element) ? element['context'] : undefined;
  if (!isFields(element) || !isFields(context)) {
    return element;
  }
  const address = take(element, context, 'ip');
  const { userAgent } = context;
  const named = typeof userAgent === 'string' && userAgent !== '' ? userAgent : undefined;
  if (!isFromServer || (address === undefined && named === undefined)) {
    return element;
  }
  if (named !== undefined && lacksUserAgent(element['device'])) {
    take(element, context, 'userAgent');
  }
  return new ClientEvent(element, { address, userAgent: named });
}

function take(event: Fields, context: Fields, name: string): unknown {
  const value = context[name];
  if (value !== undefined) {
    delete context[name];
    if (unlessEmpty(context) === undefined) {
      delete event['context'];
    }
  }
  return value;
}
