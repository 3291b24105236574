import { attempt } from './attempt.js';
import { readDevice } from './device.js';
import { newEvent, type Props, type TrackedEvent } from './event.js';
import { followNavigation } from './navigation.js';
import { isOn, type Options } from './options.js';
import { createOutbox } from './outbox.js';
import { onPageEnd } from './page-end.js';
import { asksForPrivacy } from './privacy.js';
import { currentSession, SESSION_ID, VISIT } from './session.js';
import { openStore } from './store.js';
import { createViews } from './views.js';

/** What `gotrack(name, …)` can be told. */
export interface Commands {
  event(type: string, props?: Props): void;
  /** A view of the page as it is now, for pages that say themselves when they change. */
  page(props?: Props): void;
  /** Who it is, in this page's events from now on; null: nobody any more. It is not stored. */
  identify(id: string | null, traits?: Props): void;
  /** `denied` also removes what is stored; `granted` counts the page that is shown. */
  consent(state: 'granted' | 'denied'): void;
}

export interface Client extends Commands {
  /** Counts the page, unless that is done or left to the page. */
  start(): void;
}

export function createClient(options: Options): Client {
  const isPrivate = asksForPrivacy();
  const isStored = !isPrivate && options.storage !== 'none';
  const isAuto = isOn(options.auto, true);
  const store = openStore(isStored);
  const outbox = createOutbox(store, options);
  const views = createViews(add);
  let device: Props | undefined;
  let userId: string | undefined;

  function add(event: TrackedEvent): boolean {
    if (outbox.isOpen) {
      attempt(() => {
        if (!device || event.type === 'pageview') {
          device = readDevice(isStored);
        }
        event.device = device;
        if (!isPrivate) {
          event.session = currentSession(store);
          event.user ??= userId ? { id: userId } : undefined;
        }
      });
      outbox.add(event);
    }
    return outbox.isOpen;
  }

  function track(type: string, props: Props | undefined, user?: Props): void {
    views.settle();
    const event = newEvent(type, props, views.referrer());
    event.user = user;
    add(event);
  }

  function start(): void {
    if (isAuto) {
      views.showOnce();
    }
  }

  if (isAuto) {
    followNavigation(views.show, options);
  }
  onPageEnd(() => {
    views.settle();
    outbox.end();
  });

  return {
    start,
    event: track,
    page: (props) => views.show(false, props),
    identify(id, traits) {
      userId = id ?? undefined;
      if (userId && !isPrivate) {
        track('identify', undefined, { id: userId, traits });
      }
    },
    consent(state) {
      outbox.isOpen = state === 'granted';
      if (outbox.isOpen) {
        start();
      } else {
        views.settle();
        outbox.clear();
        [SESSION_ID, VISIT].forEach(store.remove);
      }
    },
  };
}
