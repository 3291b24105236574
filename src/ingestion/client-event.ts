import { type Fields, isFields } from '../event/fields.js';

/** What an event says of the client that it comes from. Not validated. */
export interface NamedClient {
  readonly address?: unknown;
  readonly userAgent?: unknown;
}

/** Stands for an event that names its client, among what others were parsed to. */
export class ClientEvent {
  constructor(
    /** Without the client's address. */
    readonly fields: Fields,
    readonly client: NamedClient,
    /** What its protocol finds wrong with it, for the client; its own fields say it then, too. */
    readonly errors: readonly string[] = [],
  ) {}
}

/**
 * An element of `/collect` without `context.ip`, which nobody may have stored, and with what a server says of its
 * client. The same value where there is nothing of it.
 */
export function withoutClient(element: unknown, isFromServer: boolean): unknown {
  const context = isFields(element) ? element['context'] : undefined;
  if (!isFields(context)) {
    return element;
  }
  const { ip, userAgent, ...rest } = context;
  const names = isFromServer && typeof userAgent === 'string';
  if (ip === undefined && !names) {
    return element;
  }
  const left = names || userAgent === undefined ? rest : { ...rest, userAgent };
  const fields = { ...(element as Fields), context: Object.keys(left).length > 0 ? left : null };
  return new ClientEvent(fields, isFromServer ? { address: ip, userAgent } : {});
}
