import { attempt } from './attempt.js';
import type { Commands } from './commands.js';
import { type Options, settings } from './settings.js';
import { showOnce } from './views.js';

type Arguments = ArrayLike<unknown>;

/** `gotrack('event', 'signup', { plan: 'x' })`: the name of a command, then what it takes. */
export interface GoTrack {
  <Name extends keyof Commands>(name: Name, ...given: Parameters<Commands[Name]>): void;
  /** Commands from before the client was there. */
  q?: { push(given: Arguments): unknown };
  /** Tells a client that has loaded from the page's stand-in. */
  init?: Init;
}

/** Starts the client; called again, it changes the options. */
export type Init = (options?: Options) => void;

declare global {
  interface Window {
    gotrack?: GoTrack | undefined;
  }
  interface Document {
    prerendering?: boolean;
  }
}

/**
 * Puts `gotrack` into the page, once, however often it is loaded. Commands wait until `init` is called and the page
 * is shown: a prerendered page may never be.
 */
export function install(start: () => Partial<Commands>, options: Options): Init {
  const known = window.gotrack;
  if (known?.init) {
    return known.init;
  }
  Object.assign(settings, options);
  const waiting: Arguments[] = Array.from((known?.q ?? []) as Arguments[]);
  let commands: Record<string, (...given: unknown[]) => void> | undefined;
  let isStarted = false;

  const run = (given: Arguments): void => {
    if (commands) {
      const [name, ...rest] = Array.from(given);
      attempt(() => commands![name as string]!(...rest));
    } else {
      waiting.push(given);
    }
  };
  const init: Init = (more) => {
    Object.assign(settings, more);
    if (!isStarted) {
      isStarted = true;
      whenShown(() => {
        commands = start() as typeof commands;
        waiting.forEach(run);
        showOnce();
      });
    }
  };
  const gotrack = (...given: unknown[]): void => run(given);
  window.gotrack = Object.assign(gotrack as GoTrack, { q: { push: run }, init });
  return init;
}

function whenShown(work: () => void): void {
  const safely = (): void => attempt(work);
  if (document.prerendering) {
    document.addEventListener('prerenderingchange', safely, { once: true });
  } else {
    safely();
  }
}
