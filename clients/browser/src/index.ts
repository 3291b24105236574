import { startClient } from './client.js';
import { type GoTrack, type Init, install } from './install.js';
import { currentGotrack } from './stand-in.js';

export type { Commands } from './commands.js';
export type { Props } from './event.js';
export type { GoTrack } from './install.js';
export type { Options } from './settings.js';

/** On a server, which renders the page, neither of the two does anything. */
const isInBrowser = typeof window !== 'undefined';

/** Starts the client, once a page; called again, it changes the options. */
export const init: Init = (options) => {
  if (isInBrowser) {
    install(startClient, { base: `${location.origin}/` })(options);
  }
};

/** `gotrack('event', 'signup', { plan: 'x' })`. What is said before `init` waits for it. */
export const gotrack = ((...given: unknown[]) => {
  if (isInBrowser) {
    (currentGotrack() as (...any: unknown[]) => void)(...given);
  }
}) as GoTrack;
