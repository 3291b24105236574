import { isFields } from '../../event/fields.js';
import type { Work } from '../../event/work.js';
import { bodyTooLarge } from '../../http/errors.js';
import type { ClientEvent } from '../client-event.js';
import { BuiltElement, faultOfSize } from '../collect/large-element.js';
import type { Removals } from '../collect/value-places.js';
import { amongElements, LargeElement, PAUSE } from '../elements.js';
import { UnreadElement } from '../unread-element.js';
import { LeastEventSize } from './least-event-size.js';
import { mapMessage } from './map-message.js';
import type { Call } from './mapping.js';
import { messageIn, type Messages } from './parse-messages.js';

const NOT_AN_OBJECT = new UnreadElement('not_an_object', 'message: must be an object');

interface Bounds {
  /** Characters of a batch's own context, as often as it is stored: a small body must not become many bytes. */
  readonly maxSharedLength: number;
  readonly maxEventBytes: number;
  readonly removals: Removals;
  /** The client's clock, as the request says it for all of its messages, and again each time it is tried. */
  readonly sentAtMs: number | undefined;
}

/**
 * What the messages of a body become, in their order.
 * @param call undefined: the messages say it themselves
 * @throws HttpError the context that the messages share is too much
 */
export function* eventsOf(
  { elements, envelope }: Messages,
  call: Call | undefined,
  bounds: Bounds,
): Generator {
  const { context } = envelope;
  const shared = call === undefined && isFields(context) ? context : undefined;
  const sharedLength = shared === undefined ? 0 : JSON.stringify(shared).length;
  let length = 0;
  for (const element of elements) {
    const message = messageIn(element);
    if (element === PAUSE || element instanceof UnreadElement) {
      yield element;
    } else if (isFields(message)) {
      length += sharedLength;
      if (length > bounds.maxSharedLength) {
        throw bodyTooLarge(bounds.maxSharedLength);
      }
      const event = mapMessage(message, call, shared);
      if (bounds.sentAtMs !== undefined) {
        event.fields['sent_at'] = undefined;
      }
      yield element instanceof BuiltElement
        ? yield* amongElements(judged(event, element.values, bounds))
        : element instanceof LargeElement
          ? new LargeElement(event)
          : event;
    } else {
      yield NOT_AN_OBJECT;
    }
  }
}

/** What is stored of a message is known when it is an event. */
function* judged(
  event: ClientEvent,
  values: number,
  { maxEventBytes, removals }: Bounds,
): Work<LargeElement | UnreadElement> {
  const least = new LeastEventSize(removals);
  yield* least.measure(event.fields);
  return faultOfSize(least, values, maxEventBytes) ?? new LargeElement(event);
}
