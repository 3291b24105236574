import { newEvent, type Props } from './event.js';
import { install } from './install.js';
import { createLiteOutbox } from './lite-outbox.js';
import { followNavigation } from './navigation.js';
import { isOn, type Options } from './options.js';
import { onPageEnd } from './page-end.js';
import { createViews } from './views.js';

/** Page views and events, and nothing on the device: no session, no retry on another page. */
function createLiteClient(options: Options) {
  const outbox = createLiteOutbox(options);
  const isAuto = isOn(options.auto, true);
  let isAllowed = options.consent !== 'required';
  const views = createViews(add);

  function add(event: object): boolean {
    if (isAllowed) {
      outbox.add(event);
    }
    return isAllowed;
  }

  function start(): void {
    if (isAuto) {
      views.showOnce();
    }
  }

  if (isAuto) {
    followNavigation(views.show, options);
  }
  onPageEnd(() => {
    views.settle();
    outbox.end();
  });

  return {
    start,
    event(type: string, props?: Props) {
      views.settle();
      add(newEvent(type, props, views.referrer()));
    },
    page: (props?: Props) => views.show(false, props),
    consent(state: string) {
      isAllowed = state === 'granted';
      if (isAllowed) {
        start();
      } else {
        outbox.clear();
      }
    },
  };
}

const script = document.currentScript as HTMLScriptElement | null;
const init = install(createLiteClient, { base: script?.src });
if (!window.GO_TRACK_NO_AUTO_INIT) {
  init(script?.dataset);
}
