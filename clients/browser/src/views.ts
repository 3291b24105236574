import { newEvent, type Props, type TrackedEvent } from './event.js';

/** Frameworks set the title after they have changed the address. */
const TITLE_MS = 50;

export interface Views {
  /** @param isReplaced the view before, if it still waits for its title, was a redirect */
  show(isReplaced: boolean, props?: Props): void;
  /** Shows the page unless the last view is of it. */
  showOnce(): void;
  /** Hands on the view that waits for its title. */
  settle(): void;
  /** Where the visitor came from to the page that is shown. */
  referrer(): string;
}

/**
 * Page views. Within a page, the one before is the referrer of the next.
 * @param add says whether it takes the view
 */
export function createViews(add: (event: TrackedEvent) => boolean): Views {
  let waiting: TrackedEvent | undefined;
  let isCounted = false;
  let shown = '';
  let { referrer } = document;

  function show(isReplaced: boolean, props?: Props): void {
    const { href } = location;
    if (!isReplaced || !waiting) {
      settle();
      referrer = shown && shown !== href ? shown : document.referrer;
    }
    shown = href;
    isCounted = true;
    waiting = newEvent('pageview', props, referrer);
    setTimeout(settle, TITLE_MS);
  }

  function settle(): void {
    if (waiting) {
      const event = waiting;
      waiting = undefined;
      event.route.title = document.title || undefined;
      isCounted = add(event);
    }
  }

  return {
    show,
    showOnce() {
      if (!isCounted) {
        show(false);
      }
    },
    settle,
    referrer: () => referrer,
  };
}
