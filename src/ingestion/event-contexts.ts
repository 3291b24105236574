import type { IncomingHttpHeaders } from 'node:http';
import { type EventContext, MAX_USER_AGENT_LENGTH } from '../event/prepare-event.js';
import type { DropReason } from '../event/reasons.js';
import { canonicalAddress } from '../http/client-address.js';
import type { EventEndpoint } from '../metrics/pipeline-observer.js';
import { ClientEvent } from './client-event.js';
import type { RequestFacts } from './request-facts.js';

/** What the server knows about an event. */
export interface ContextAndDrop {
  readonly context: EventContext;
  readonly drop: DropReason | undefined;
}

/** Headers by which a client asks something of everyone who handles its events, also through a server. */
const ASKED = ['dnt', 'sec-gpc'] as const;

/**
 * What the server knows about the events of one request. Usually their client sends it. A server speaks for clients of
 * its own, of which each event says something or nothing: what its own request says is not theirs. An SDK has a
 * User-Agent of its own, so on `/v1` only the events name that of the client.
 */
export class EventContexts {
  private readonly facts: RequestFacts;
  private found: ContextAndDrop | undefined;
  private address: unknown;
  private userAgent: unknown;
  private last: ContextAndDrop | undefined;

  constructor(
    facts: RequestFacts,
    readonly endpoint: EventEndpoint,
    private readonly contextOf: (facts: RequestFacts) => ContextAndDrop,
  ) {
    this.facts = factsOfClients(facts, endpoint);
  }

  /** The name of the key that the request came with. */
  get source(): string | undefined {
    return this.facts.source;
  }

  /** A server sent it, whose events may name their clients. */
  get isFromServer(): boolean {
    return this.facts.isFromServer ?? false;
  }

  /** For the events that say nothing of their client. Found out when it is asked for, and once: an error is counted. */
  get shared(): ContextAndDrop {
    this.found ??= this.contextOf(this.facts);
    return this.found;
  }

  of(element: unknown): ContextAndDrop {
    if (!(element instanceof ClientEvent)) {
      return this.shared;
    }
    const { userAgent } = element.client;
    const address = this.isFromServer ? element.client.address : undefined;
    if (address === undefined && userAgent === undefined) {
      return this.shared;
    }
    // Mostly, the events of a request are one client's.
    if (address !== this.address || userAgent !== this.userAgent || this.last === undefined) {
      this.address = address;
      this.userAgent = userAgent;
      this.last = this.contextOf(this.factsOf(address, userAgent));
    }
    return this.last;
  }

  private factsOf(address: unknown, userAgent: unknown): RequestFacts {
    const { headers } = this.facts;
    return {
      ...this.facts,
      address: typeof address === 'string' ? canonicalAddress(address.trim()) : this.facts.address,
      headers:
        typeof userAgent === 'string' ? { ...headers, 'user-agent': asHeader(userAgent) } : headers,
    };
  }
}

function factsOfClients(facts: RequestFacts, endpoint: EventEndpoint): RequestFacts {
  if (facts.isFromServer) {
    return { ...facts, address: undefined, headers: asked(facts.headers) };
  }
  if (endpoint === '/collect' || endpoint === '/px.gif') {
    return facts;
  }
  const { 'user-agent': _sdk, ...headers } = facts.headers;
  return { ...facts, headers, isFromSdk: true };
}

/** As Node hands over a header: a character for each byte. */
function asHeader(text: string): string {
  return Buffer.from(text.slice(0, MAX_USER_AGENT_LENGTH)).toString('latin1');
}

function asked(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    ASKED.flatMap((name) => (name in headers ? [[name, headers[name]]] : [])),
  );
}
