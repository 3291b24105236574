import { attempt } from './attempt.js';
import type { Commands } from './client.js';
import type { Options } from './options.js';

type Arguments = ArrayLike<unknown>;

/** A client; its other methods are the commands that it knows. */
interface Startable {
  start(): void;
}

type AnyCommands = Record<string, (...given: unknown[]) => void>;

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
export function install(create: (options: Options) => Startable, options: Options): Init {
  const stub = window.gotrack;
  if (stub?.init) {
    return stub.init;
  }
  let waiting: Arguments[] = Array.from((stub?.q ?? []) as Arguments[]);
  let client: Startable | undefined;
  let isStarted = false;

  const run = (given: Arguments): void => {
    if (client) {
      const [name, ...rest] = Array.from(given);
      attempt(() => (client as unknown as AnyCommands)[name as string]!(...rest));
    } else {
      waiting.push(given);
    }
  };
  const start = (): void => {
    client = create(options);
    waiting.forEach(run);
    client.start();
  };
  const init: Init = (more) => {
    Object.assign(options, more);
    attempt(() => {
      if (client) {
        client.start();
      } else if (!isStarted) {
        isStarted = true;
        whenShown(start);
      }
    });
  };
  const gotrack = (...given: unknown[]): void => run(given);
  window.gotrack = Object.assign(gotrack as GoTrack, { q: { push: run }, init });
  return init;
}

function whenShown(work: () => void): void {
  if (document.prerendering) {
    document.addEventListener('prerenderingchange', () => attempt(work), { once: true });
  } else {
    work();
  }
}
