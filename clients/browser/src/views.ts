import { newEvent, type Props, type TrackedEvent } from './event.js';
import { followNavigation } from './navigation.js';
import { isOn, settings } from './settings.js';

/** Frameworks set the title after they have changed the address. */
const TITLE_MS = 50;

let add: (event: TrackedEvent) => boolean;
/** The view that waits for its title. */
let waiting: TrackedEvent | undefined;
let titleTimer: ReturnType<typeof setTimeout> | undefined;
let isCounted = false;
let shown = '';
let referrer = '';

/** @param take says whether it takes the view */
export function openViews(take: (event: TrackedEvent) => boolean): void {
  add = take;
  referrer = document.referrer;
  if (isOn(settings.auto, true)) {
    followNavigation(showView);
  }
}

/**
 * Counts the page as it is now. Within a page, the view before is the referrer of the next.
 * @param isReplaced the view before was a redirect, if it still waits for its title
 */
export function showView(isReplaced: boolean, props?: Props): void {
  const { href } = location;
  if (!isReplaced || !waiting) {
    settleView();
    referrer = shown && shown !== href ? shown : document.referrer;
  }
  shown = href;
  isCounted = true;
  waiting = newEvent('pageview', props, referrer);
  clearTimeout(titleTimer);
  titleTimer = setTimeout(settleView, TITLE_MS);
}

/** Counts the page, unless that is done or left to the page. */
export function showOnce(): void {
  if (isOn(settings.auto, true) && !isCounted) {
    showView(false);
  }
}

export function settleView(): void {
  if (waiting) {
    waiting.route.title = document.title || undefined;
    isCounted = add(waiting);
    waiting = undefined;
  }
}

/** An event of the page that is shown, after its view. */
export function eventOfView(type: string, props?: Props): TrackedEvent {
  showOnce();
  settleView();
  return newEvent(type, props, referrer);
}
