import { startClient } from './client.js';
import { install } from './install.js';

/** The module, as the Go service had it: it starts by itself, unless the page says otherwise. */
export const init = install(startClient, { base: import.meta.url });
if (!window.GO_TRACK_NO_AUTO_INIT) {
  init();
}
