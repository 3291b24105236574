import { addressed, besideEndpoint } from './addresses.js';
import type { TrackedEvent } from './event.js';
import type { Options } from './options.js';

/**
 * Sends events by the pixel, one after the other, where a page's policy lets nothing else through. Resolves to whether
 * all have arrived.
 */
export async function sendByImages(events: TrackedEvent[], options: Options): Promise<boolean> {
  for (const event of events) {
    if (!(await loads(pixelUrl(event, options)))) {
      return false;
    }
  }
  return true;
}

/** What an address has room for: the page, the session, and the event's own attributes. */
export function pixelUrl(event: TrackedEvent, options: Options): string {
  const { event_id, ts, type, url, route, props, session } = event;
  const target = besideEndpoint('px.gif', options);
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
    if (fields[name] !== undefined) {
      target.searchParams.set(name, String(fields[name]));
    }
  }
  return addressed(target, options);
}

function loads(src: string): Promise<boolean> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = src;
  });
}
