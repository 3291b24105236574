/** No event is without these, and the server writes or completes them. */
export const REQUIRED_FIELDS: readonly string[] = [
  'event_id',
  'ts',
  'received_at',
  'type',
  'server',
];

/** What a client sends as `received_at` and `server` is discarded, and `sent_at` is not stored. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...REQUIRED_FIELDS,
  'sent_at',
  'url',
  'route',
  'device',
  'session',
  'user',
  'props',
]);

/** Whether a top-level field of this name does not move into `props`. */
export function isKnownField(name: string): boolean {
  return KNOWN_FIELDS.has(name);
}
