import { attempt } from '../attempt.js';
import { currentGotrack } from '../stand-in.js';
import { followClicks } from './clicks.js';
import { followForms } from './forms.js';
import type { Say } from './say.js';
import { followVitals } from './vitals.js';

declare global {
  interface Window {
    /** The file has loaded already. */
    gotrackAuto?: boolean;
  }
}

/** It may load before the client or after it. */
const say: Say = (type, props) => attempt(() => currentGotrack()('event', type, props));

if (typeof window !== 'undefined' && !window.gotrackAuto) {
  window.gotrackAuto = true;
  for (const follow of [followClicks, followForms, followVitals]) {
    attempt(() => follow(say));
  }
}
