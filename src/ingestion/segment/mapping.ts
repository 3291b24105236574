/**
 * How a value of a message is read. A `text` or `number` in `context` that is of another type stays in `props.context`.
 *
 * - `id`: a text, or a number as text
 * - `page`: the address of a page
 * - `query`: the query of a page, with or without `?`
 * - `referrer`: an address, but for `$direct`
 * - `traits`: an object that fills up the one that is there
 * - `address`: names the client, and is never stored
 * - `key`, `sent at`: read for the request, and not stored
 */
export type Reading =
  | 'address'
  | 'boolean'
  | 'id'
  | 'key'
  | 'number'
  | 'object'
  | 'page'
  | 'query'
  | 'referrer'
  | 'sent at'
  | 'text'
  | 'time'
  | 'traits';

export interface Mapped {
  /** Where a message has it. */
  readonly from: string;
  readonly as: Reading;
  /** Where the event has it; the first of several rows counts, and an equal value is not stored twice. */
  readonly to: string;
}

const mapped = (from: string, as: Reading, to: string): Mapped => ({ from, as, to });

/** What is not in it: other fields of `context` are in `props.context`, other fields of a message in `props`. */
export const MAPPING: readonly Mapped[] = [
  mapped('messageId', 'id', 'event_id'),
  mapped('timestamp', 'time', 'ts'),
  mapped('originalTimestamp', 'time', 'ts'),
  mapped('sentAt', 'sent at', 'sent_at'),
  mapped('writeKey', 'key', ''),
  mapped('anonymousId', 'id', 'session.visitor_id'),
  mapped('userId', 'id', 'user.id'),
  mapped('groupId', 'id', 'user.group_id'),
  mapped('previousId', 'id', 'user.previous_id'),
  mapped('traits', 'object', 'user.traits'),
  mapped('properties', 'object', 'props'),

  mapped('context.page.url', 'page', 'route'),
  mapped('context.page.path', 'text', 'route.path'),
  mapped('context.page.title', 'text', 'route.title'),
  mapped('context.page.search', 'query', 'url.raw_query'),
  mapped('context.page.referrer', 'referrer', 'url.referrer'),
  mapped('context.campaign.name', 'text', 'url.utm.campaign'),
  mapped('context.campaign.source', 'text', 'url.utm.source'),
  mapped('context.campaign.medium', 'text', 'url.utm.medium'),
  mapped('context.campaign.term', 'text', 'url.utm.term'),
  mapped('context.campaign.content', 'text', 'url.utm.content'),
  mapped('context.campaign.id', 'id', 'url.utm.id'),
  mapped('context.userAgent', 'text', 'device.ua'),
  mapped('context.userAgentData.mobile', 'boolean', 'device.ua_mobile'),
  mapped('context.locale', 'text', 'device.language'),
  mapped('context.timezone', 'text', 'device.tz'),
  mapped('context.os.name', 'text', 'device.os'),
  mapped('context.screen.width', 'number', 'device.screens.0.width'),
  mapped('context.screen.height', 'number', 'device.screens.0.height'),
  mapped('context.screen.density', 'number', 'device.device_pixel_ratio'),
  mapped('context.screen.innerWidth', 'number', 'device.viewport_w'),
  mapped('context.screen.innerHeight', 'number', 'device.viewport_h'),
  mapped('context.sessionId', 'id', 'session.session_id'),
  mapped('context.groupId', 'id', 'user.group_id'),
  mapped('context.traits', 'traits', 'user.traits'),
  mapped('context.ip', 'address', ''),
];

/** What each call becomes; the event of a `track` is its type. */
export const CALLS = {
  track: undefined,
  page: 'pageview',
  screen: 'screenview',
  identify: 'identify',
  group: 'group',
  alias: 'alias',
} as const;

export type Call = keyof typeof CALLS;

/** The first of these in a message or its context is read before the others beside it. */
export const READ_FIRST: readonly string[] = ['context.page', 'context.page.url'];
/** These are read when all that is beside them has been. */
export const READ_LAST: readonly string[] = ['originalTimestamp', 'context'];
