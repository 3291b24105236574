import { attempt } from './attempt.js';
import type { Session } from './session.js';
import { uuid } from './uuid.js';

export type Props = Record<string, unknown>;

/** An event in the form that `/collect` takes. What is undefined is left out when it is sent. */
export interface TrackedEvent {
  event_id: string;
  ts: string;
  type: string;
  url: {
    referrer: string | undefined;
    referrer_hostname: string | undefined;
    raw_query: string | undefined;
  };
  route: {
    domain: string | undefined;
    path: string;
    fullPath: string;
    hash: string | undefined;
    canonical_url: string | undefined;
    title: string | undefined;
    protocol: string;
    query: Props;
  };
  props: Props | undefined;
  device?: Props | undefined;
  session?: Session | undefined;
  user?: Props | undefined;
}

/** Attributes, whatever a page gives: the collector takes an object only. */
function propsOf(given: unknown): Props | undefined {
  return given === undefined || Object(given) === given ? (given as Props) : { value: given };
}

/** An event of the page as it is now. Campaigns are read from `raw_query` by the server. */
export function newEvent(type: unknown, props: Props | undefined, referrer: string): TrackedEvent {
  const { hostname, pathname, search, hash, protocol } = location;
  const query: Props = {};
  for (const [name, value] of new URLSearchParams(search)) {
    query[name] ??= value;
  }
  return {
    event_id: uuid(),
    ts: new Date().toISOString(),
    // Without a type, the collector would take it for a page view.
    type: String(type),
    url: {
      referrer: referrer || undefined,
      referrer_hostname: referrer ? attempt(() => new URL(referrer).hostname) : undefined,
      raw_query: search.slice(1) || undefined,
    },
    route: {
      domain: hostname || undefined,
      path: pathname,
      fullPath: pathname + search + hash,
      hash: hash || undefined,
      canonical_url: document.head.querySelector<HTMLLinkElement>('link[rel=canonical]')?.href,
      title: document.title || undefined,
      protocol: protocol.slice(0, -1),
      query,
    },
    props: propsOf(props),
  };
}
