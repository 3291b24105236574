import { attempt } from './attempt.js';
import { isOn, settings } from './settings.js';

/**
 * Calls `shows` when the page shows another path: by `history`, by the browser's buttons, or because it comes back
 * from the back-forward cache.
 * @param shows is told whether the path takes the place of the one before, as a redirect does
 */
export function followNavigation(shows: (isReplaced: boolean) => void): void {
  let shown = location.href;

  const changed = (isReplaced: boolean): void => {
    const before = pageOf(shown, isReplaced);
    shown = location.href;
    if (pageOf(shown, isReplaced) !== before) {
      shows(isReplaced);
    }
  };
  const follow = (name: 'pushState' | 'replaceState', isReplaced: boolean): void => {
    const original = history[name];
    history[name] = function (this: History, ...given) {
      original.apply(this, given);
      attempt(() => changed(isReplaced));
    };
  };
  follow('pushState', false);
  follow('replaceState', true);
  addEventListener('popstate', () => attempt(() => changed(false)));
  addEventListener('pageshow', ({ persisted }) => attempt(() => persisted && shows(false)));
}

/** What has to differ for another view. An application that replaces its query keeps its state there. */
function pageOf(href: string, isReplaced: boolean): string {
  const { pathname, search, hash } = new URL(href);
  return pathname + (isReplaced ? '' : search) + (isOn(settings.hash) ? hash : '');
}
