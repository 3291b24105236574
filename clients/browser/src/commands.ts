import type { Props } from './event.js';

/** What `gotrack(name, …)` can be told. */
export interface Commands {
  event(type: string, props?: Props): void;
  /** A view of the page as it is now, for pages that say themselves when they change. */
  page(props?: Props): void;
  /** Who it is, in this page's events from now on; null: nobody any more. It is not stored. */
  identify(id: string | number | null, traits?: Props): void;
  /** `denied` also removes what is stored; `granted` counts the page that is shown. */
  consent(state: 'granted' | 'denied'): void;
}
