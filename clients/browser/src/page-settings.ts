import type { Init } from './install.js';

/** What pages of the Go service's client set, and find. */
declare global {
  interface Window {
    /** The endpoint. */
    GO_TRACK_URL?: string;
    /** The page calls `init` itself. */
    GO_TRACK_NO_AUTO_INIT?: unknown;
    GoTrackPixel?: { init: Init };
  }
}
