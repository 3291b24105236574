import { attempt } from './attempt.js';

/**
 * Calls `work` when the page may never get another turn: it is hidden, left or closed. It may come back all the same.
 * `unload` would keep the page out of the back-forward cache.
 */
export function onPageEnd(work: () => void): void {
  document.addEventListener('visibilitychange', () => attempt(() => document.hidden && work()));
  addEventListener('pagehide', () => attempt(work));
}
