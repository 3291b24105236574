import type { GoTrack } from './install.js';

/** The page's `gotrack`; before the client has loaded, one that keeps the commands for it. */
export function currentGotrack(): GoTrack {
  window.gotrack ??= (...given: unknown[]) => {
    (window.gotrack!.q ??= []).push(given);
  };
  return window.gotrack;
}
