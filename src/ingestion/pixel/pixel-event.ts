import { addCampaignValue, campaignField } from '../../event/campaign.js';
import { type Fields, setField, unlessEmpty } from '../../event/fields.js';
import { addPage, withoutHash } from '../../event/page.js';
import type { Sanitizer } from '../../event/sanitize.js';

/** A parsed query: no prototype, decoded values, an array for a repeated name. */
export type PixelQuery = Readonly<Record<string, string | string[] | undefined>>;

/** The members of the event that hold what parameters say. */
interface Groups {
  readonly url: Fields;
  readonly route: Fields;
  readonly session: Fields;
  readonly props: Fields;
}

/**
 * The event that a pixel's query describes, as a client would have sent it as JSON. The first of a repeated
 * parameter counts; an empty one of ours counts as absent.
 */
export function pixelEvent(
  query: PixelQuery,
  headers: { readonly referer?: string | undefined },
  sanitizer?: Sanitizer,
): Fields {
  const event: Fields = {};
  const groups: Groups = { url: {}, route: {}, session: {}, props: {} };
  // The page comes first, so that its campaign data stands when the pixel's own query has other.
  const given = sanitizer?.strips('url') ? '' : (first(query['url']) ?? '');
  const page = addPageOf(given, headers.referer, groups);
  for (const name in query) {
    const value = first(query[name]);
    if (value !== undefined && !sanitizer?.strips(name)) {
      addParameter(name, value, page, event, groups);
    }
  }
  event['url'] = unlessEmpty(groups.url);
  event['route'] = unlessEmpty(groups.route);
  event['session'] = unlessEmpty(groups.session);
  event['props'] = unlessEmpty(groups.props);
  return event;
}

/** @returns the page's address, or what was given for it */
function addPageOf(given: string, referer: string | undefined, groups: Groups): string {
  const page = URL.parse(given === '' ? (referer ?? '') : given);
  if (page !== null) {
    addPage(page, groups.route, groups.url);
  } else if (given !== '') {
    groups.props['url'] = given;
  }
  return page?.href ?? given;
}

function addParameter(
  name: string,
  value: string,
  page: string,
  event: Fields,
  { url, route, session, props }: Groups,
): void {
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
      addReferrer(url, value, page);
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
