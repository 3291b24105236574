import { addCampaignValue, campaignField } from '../../event/campaign.js';
import { type Fields, setField, unlessEmpty } from '../../event/fields.js';
import { addPage, withoutHash } from '../../event/page.js';
import type { Sanitizer } from '../../event/sanitize.js';

/** A parsed query: no prototype, decoded values, an array for a repeated name. */
export type PixelQuery = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The event that a pixel's query describes, as a client would have sent it as JSON. Of a repeated
 * parameter the first counts; an empty one of ours counts as absent.
 */
export function pixelEvent(
  query: PixelQuery,
  headers: { readonly referer?: string | undefined },
  sanitizer?: Sanitizer,
): Fields {
  const url: Fields = {};
  const route: Fields = {};
  const session: Fields = {};
  const props: Fields = {};
  const event: Fields = {};

  // The page comes first, so that its campaign data stands when the pixel's own query has other.
  const given = sanitizer?.strips('url') ? '' : (first(query['url']) ?? '');
  const page = URL.parse(given === '' ? (headers.referer ?? '') : given);
  if (page !== null) {
    addPage(page, route, url);
  } else if (given !== '') {
    props['url'] = given;
  }

  for (const name in query) {
    const value = first(query[name]);
    if (value === undefined || sanitizer?.strips(name)) {
      continue;
    }
    switch (name) {
      case 'e':
        event['type'] = value;
        break;
      case 'event_id':
      case 'ts':
        event[name] = value;
        break;
      case 'uid':
        setUnlessEmpty(session, 'visitor_id', value);
        break;
      case 'sid':
        setUnlessEmpty(session, 'session_id', value);
        break;
      case 'url':
        break;
      case 'ref':
        addReferrer(url, value, page?.href ?? given);
        break;
      case 'title':
        setUnlessEmpty(route, 'title', value);
        break;
      default: {
        const field = campaignField(name);
        if (field?.fromPixel) {
          addCampaignValue(url, field, value);
        } else {
          setField(props, name, value);
        }
      }
    }
  }
  event['url'] = unlessEmpty(url);
  event['route'] = unlessEmpty(route);
  event['session'] = unlessEmpty(session);
  event['props'] = unlessEmpty(props);
  return event;
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

function setUnlessEmpty(fields: Fields, name: string, value: string): void {
  if (value !== '') {
    fields[name] = value;
  }
}

/** @param page its address; a page is never its own referrer */
function addReferrer(url: Fields, referrer: string, page: string): void {
  const parsed = URL.parse(referrer);
  if (referrer === '' || withoutHash(parsed?.href ?? referrer) === withoutHash(page)) {
    return;
  }
  url['referrer'] = referrer;
  if (parsed !== null) {
    setUnlessEmpty(url, 'referrer_hostname', parsed.hostname);
  }
}
