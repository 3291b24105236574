import { type Fields, isFields } from '../../event/fields.js';

/** Characters that are looked at: longer than what any browser sends. */
const MAX_LENGTH = 512;

/**
 * The User-Agent of the client that a server speaks for: `context.userAgent`, else `device.ua`. Call only for events of
 * which the request's own header says nothing.
 * @param event as it is going to be stored: `context` has moved into `props`
 */
export function userAgentOfEvent({ props, device }: Readonly<Fields>): string | undefined {
  const context = isFields(props) ? props['context'] : undefined;
  return (
    (isFields(context) ? textOf(context['userAgent']) : undefined) ??
    (isFields(device) ? textOf(device['ua']) : undefined)
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_LENGTH) : undefined;
}
