import { attempt } from '../attempt.js';
import type { Say } from './say.js';

/** Forms that are sent (`form_submit`): which form, and never what is in it. */
export function followForms(say: Say): void {
  addEventListener(
    'submit',
    (event) =>
      attempt(() => {
        const form = event.target as HTMLFormElement;
        // A field may be called `id`, and then stands in the property's place.
        const said = (name: string): string | undefined => form.getAttribute(name) ?? undefined;
        say('form_submit', {
          id: said('id'),
          name: said('name'),
          action: said('action')?.split(/[?#]/)[0],
        });
      }),
    true,
  );
}
