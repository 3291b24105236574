import { startClient } from './client.js';
import { install } from './install.js';

/** The script tag: its `data-` attributes are the options. */
const script = document.currentScript as HTMLScriptElement | null;
const init = install(startClient, { base: script?.src, nonce: script?.nonce });
window.GoTrackPixel = { init };
if (!window.GO_TRACK_NO_AUTO_INIT) {
  init(script?.dataset);
}
