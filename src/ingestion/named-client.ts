import { lacksUserAgent, MAX_USER_AGENT_LENGTH } from '../event/prepare-event.js';
import { type Fields, isFields, unlessEmpty } from '../event/fields.js';
import { canonicalAddress } from '../http/client-address.js';
import type { RequestFacts } from './request-facts.js';

/** Whom an event of a server is about. */
interface NamedClient {
  readonly ip?: unknown;
  readonly userAgent?: string | undefined;
}

/**
 * What is known of the request of a server, which is not the client: its own address and headers say nothing about
 * those that its events are about. It hands on whether they ask not to be tracked.
 */
export function factsOfServer(facts: RequestFacts): RequestFacts {
  return ofClient(facts, {});
}

/**
 * Takes out of an event what names its client: `context.ip`, which is stored for nobody, and with `facts` of a
 * server, `context.userAgent` too, unless the event has one in its place. It changes the event, which may be too
 * large to be copied.
 * @param event as it was parsed, not validated yet
 * @returns what a request of that client would say; undefined when the event names none, or may not
 */
export function takeClient(
  event: unknown,
  facts: RequestFacts | undefined,
): RequestFacts | undefined {
  const context = isFields(event) ? event['context'] : undefined;
  if (!isFields(event) || !isFields(context)) {
    return undefined;
  }
  const ip = take(event, context, 'ip');
  if (!facts?.isFromServer) {
    return undefined;
  }
  const { userAgent } = context;
  if (typeof userAgent !== 'string' || userAgent === '') {
    return ip === undefined ? undefined : ofClient(facts, { ip });
  }
  if (lacksUserAgent(event['device'])) {
    take(event, context, 'userAgent');
  }
  return ofClient(facts, { ip, userAgent });
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

function ofClient(facts: RequestFacts, { ip, userAgent }: NamedClient): RequestFacts {
  const { dnt, 'sec-gpc': gpc } = facts.headers;
  return {
    ...facts,
    address: typeof ip === 'string' ? canonicalAddress(ip.trim()) : undefined,
    headers: { dnt, 'sec-gpc': gpc, 'user-agent': userAgent && asHeader(userAgent) },
  };
}

/** As Node would hand it over, had the client sent it: its bytes as Latin-1. */
function asHeader(text: string): string {
  return Buffer.from(text.slice(0, MAX_USER_AGENT_LENGTH)).toString('latin1');
}
