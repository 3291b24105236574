import { addressed, endpoint } from './addresses.js';
import type { TrackedEvent } from './event.js';

/**
 * Sends events by the pixel, one after the other, where a page's policy lets nothing else through.
 * @returns whether all have arrived
 */
export async function sendByImages(events: TrackedEvent[]): Promise<boolean> {
  for (const event of events) {
    if (!(await loads(pixelAddress(event)))) {
      return false;
    }
  }
  return true;
}

/** What an address has room for: the page, the session, and the event's own attributes. */
export function pixelAddress(event: TrackedEvent): string {
  const { event_id, ts, type, url, route, props, session } = event;
  const target = new URL('px.gif', endpoint());
  const fields: Record<string, unknown> = {
    ...props,
    e: type,
    event_id,
    ts,
    url: `${route.protocol}://${route.domain}${route.fullPath}`,
    ref: url.referrer,
    title: route.title,
    uid: session?.visitor_id,
    sid: session?.session_id,
  };
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) {
      target.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
  }
  return addressed(target);
}

function loads(src: string): Promise<boolean> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = src;
  });
}
