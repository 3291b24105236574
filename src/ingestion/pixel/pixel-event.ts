import { addCampaignValue, campaignField } from '../../event/campaign.js';
import { withoutCredentials } from '../../event/credentials.js';
import { type Fields, setField, unlessEmpty } from '../../event/fields.js';
import { headerText } from '../../event/header-text.js';
import { addPage, pageAt, withoutHash } from '../../event/page.js';
import { firstNotEmpty, parseQuery } from '../../event/query.js';
import type { Sanitizer } from '../../event/sanitize.js';

/**
 * The event that a pixel's query describes, as a client would have sent it as JSON. Of a repeated
 * parameter of ours the first that is not empty counts; an empty one counts as absent.
 * @param rawQuery as it was sent, without `?`
 */
export function pixelEvent(
  rawQuery: string,
  headers: { readonly referer?: string | undefined },
  sanitizer?: Sanitizer,
): Fields {
  const query = parseQuery(rawQuery);
  const parts: Parts = { event: {}, url: {}, route: {}, session: {}, props: {} };
  const { event, url, route, session, props } = parts;

  // The page comes first, so that its campaign data stands when the pixel's own query has other.
  const given = sanitizer?.strips('url') ? '' : (firstNotEmpty(query.get('url')) ?? '');
  const page = pageAt(given, headerText(headers.referer ?? ''));
  if (page !== null) {
    addPage(page, route, url);
  } else if (given !== '') {
    props['url'] = given;
  }

  for (const [name, values] of query) {
    if (name === 'url' || sanitizer?.strips(name)) {
      continue;
    }
    if (name === 'ref') {
      const referrer = withoutCredentials(firstNotEmpty(values) as string);
      addReferrer(url, referrer, page?.href ?? withoutCredentials(given));
    } else {
      addParameter(parts, name, values);
    }
  }
  event['url'] = unlessEmpty(url);
  event['route'] = unlessEmpty(route);
  event['session'] = unlessEmpty(session);
  event['props'] = unlessEmpty(props);
  return event;
}

interface Parts {
  readonly event: Fields;
  readonly url: Fields;
  readonly route: Fields;
  readonly session: Fields;
  readonly props: Fields;
}

function addParameter(
  { event, url, route, session, props }: Parts,
  name: string,
  values: string | string[],
): void {
  const value = firstNotEmpty(values) as string;
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
    case 'title':
      setUnlessEmpty(route, 'title', value);
      break;
    default: {
      const field = campaignField(name);
      if (field?.fromPixel) {
        addCampaignValue(url, field, value);
      } else {
        setField(props, name, values);
      }
    }
  }
}

function setUnlessEmpty(fields: Fields, name: string, value: string): void {
  if (value !== '') {
    fields[name] = value;
  }
}

/** @param page its address; a page is never its own referrer */
function addReferrer(url: Fields, referrer: string, page: string): void {
  const parsed = URL.parse(referrer);
  const address = (parsed ?? URL.parse(referrer, page))?.href ?? referrer;
  if (referrer === '' || withoutHash(address) === withoutHash(page)) {
    return;
  }
  url['referrer'] = referrer;
  if (parsed !== null) {
    setUnlessEmpty(url, 'referrer_hostname', parsed.hostname);
  }
}
