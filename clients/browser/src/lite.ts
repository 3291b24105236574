import { attempt } from './attempt.js';
import { install } from './install.js';
import { allowLite, endLite, enqueueLite, isAllowed } from './lite-outbox.js';
import { onPageEnd } from './page-end.js';
import { settings } from './settings.js';
import { eventOfView, openViews, settleView, showOnce, showView } from './views.js';

/** Page views and events, and nothing on the device: no session, no retry on another page. */
const script = document.currentScript as HTMLScriptElement | null;
const init = install(
  () => {
    allowLite(settings.consent !== 'required');
    openViews(add);
    onPageEnd(() => {
      settleView();
      endLite();
    });
    return {
      event: (type, props) => void add(eventOfView(type, props)),
      page: (props) => showView(false, props),
      consent(state) {
        allowLite(state === 'granted');
        showOnce();
      },
    };
  },
  { base: script?.src },
);
if (!window.GO_TRACK_NO_AUTO_INIT) {
  init(script?.dataset);
}

function add(event: object): boolean {
  if (isAllowed) {
    attempt(() => enqueueLite(event));
  }
  return isAllowed;
}
