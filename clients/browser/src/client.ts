import { attempt } from './attempt.js';
import type { Commands } from './commands.js';
import { readDevice } from './device.js';
import type { Props, TrackedEvent } from './event.js';
import { allow, endOutbox, enqueue, isAllowed, openOutbox } from './outbox.js';
import { onPageEnd } from './page-end.js';
import { asksForPrivacy } from './privacy.js';
import { currentSession } from './session.js';
import { settings } from './settings.js';
import { openStore } from './store.js';
import { eventOfView, openViews, settleView, showOnce, showView } from './views.js';

let isPrivate = false;
/** Undefined when the client is not to store anything. */
let canStore: boolean | undefined;
let device: Props | undefined;
let userId: string | undefined;

/** The client of `pixel.js` and of the package. */
export function startClient(): Commands {
  isPrivate = asksForPrivacy();
  if (!isPrivate && settings.storage !== 'none') {
    canStore = openStore();
  }
  openOutbox();
  openViews(add);
  onPageEnd(() => {
    settleView();
    endOutbox();
  });
  return { event, page: (props) => showView(false, props), identify, consent };
}

function event(type: string, props?: Props): void {
  add(eventOfView(type, props));
}

function identify(id: string | number | null, traits?: Props): void {
  userId = id ? String(id) : undefined;
  if (userId && !isPrivate) {
    const said = eventOfView('identify');
    said.user = { id: userId, traits };
    add(said);
  }
}

function consent(state: 'granted' | 'denied'): void {
  allow(state === 'granted');
  if (isAllowed) {
    showOnce();
  } else {
    settleView();
  }
}

/** @returns whether the visitor allows it */
function add(taken: TrackedEvent): boolean {
  if (isAllowed) {
    attempt(() => complete(taken));
    attempt(() => enqueue(taken));
  }
  return isAllowed;
}

function complete(taken: TrackedEvent): void {
  if (taken.type === 'pageview') {
    device = undefined;
  }
  taken.device = device ??= attempt(() => readDevice(canStore));
  if (!isPrivate) {
    taken.session = currentSession();
    if (userId) {
      taken.user ??= { id: userId };
    }
  }
}
