import { encodeText } from './encode.js';
import { type Fields, unlessEmpty } from './fields.js';

type ServerFields = Readonly<Fields>;

/** The events of a batch mostly have the same: joining it and writing it as JSON takes a third of an event's time. */
let lastBase: ServerFields | undefined;
let lastAdded: ServerFields | undefined;
let lastJoined: ServerFields | undefined;
let lastServer: ServerFields | undefined;
let lastText = '';

/** Both must not change any more. @returns undefined when there is nothing */
export function joinedServer(
  base: ServerFields | undefined,
  added: ServerFields,
): ServerFields | undefined {
  if (base !== lastBase || added !== lastAdded) {
    lastBase = base;
    lastAdded = added;
    lastJoined = unlessEmpty({ ...base, ...added });
  }
  return lastJoined;
}

/** The JSON of an event whose last member is `server`. It has others. */
export function textWithServer(event: { server?: unknown }): string {
  const server = event.server as ServerFields | undefined;
  if (server === undefined || server !== lastServer) {
    lastServer = server;
    lastText = '';
    return encodeText(event);
  }
  lastText ||= `,"server":${encodeText(server)}}`;
  event.server = undefined;
  const text = encodeText(event).slice(0, -1) + lastText;
  event.server = server;
  return text;
}
