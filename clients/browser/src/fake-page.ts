import { vi } from 'vitest';

/** What the page has sent, and what the collector answers. */
export interface Posted {
  readonly url: URL;
  readonly events: { event_id: string; ts: string; type: string; [field: string]: unknown }[];
  readonly init: RequestInit;
}

type Listener = (event: never) => void;

/** `localStorage` as browsers have it: its entries are its own properties. */
function newStorage(entries: Record<string, string>, isFull: () => boolean): Storage {
  const methods = {
    getItem: (name: string) => entries[name] ?? null,
    setItem(name: string, text: string) {
      if (isFull()) {
        throw new DOMException('no room', 'QuotaExceededError');
      }
      entries[name] = text;
    },
    removeItem(name: string) {
      delete entries[name];
    },
  };
  return new Proxy(entries, {
    get: (_, name) => methods[name as 'getItem'] ?? entries[name as string],
  }) as unknown as Storage;
}

function newImageClass(page: FakePage) {
  return class {
    onload = (): void => {};
    onerror = (): void => {};

    set src(url: string) {
      page.images.push(url);
      queueMicrotask(() => (page.loadsImages ? this.onload() : this.onerror()));
    }
  };
}

/**
 * A page as far as the client looks at one, in place of this process's globals, with modules that nobody has loaded
 * yet. Time is vitest's.
 */
export class FakePage {
  readonly posted: Posted[] = [];
  readonly images: string[] = [];
  readonly scripts: string[] = [];
  readonly beacons: string[] = [];
  /** The collector's, one a request; the last one stays. An error is a network's. */
  answers: (Response | Error | Promise<Response> | undefined)[] = [
    new Response('{}', { status: 202 }),
  ];
  loadsImages = false;
  /** `localStorage` takes no more. */
  isFull = false;
  /** As in a sandboxed frame. */
  isBlocked = false;
  /** What `hmac.js` does; undefined: it cannot be loaded. */
  onScript: (() => void) | undefined;
  readonly storage: Record<string, string>;
  private readonly listeners = new Map<string, Listener[]>();

  constructor(href = 'https://site.example/a?x=1', storage: Record<string, string> = {}) {
    this.storage = storage;
    vi.resetModules();
    vi.useFakeTimers();
    vi.stubGlobal('window', globalThis);
    vi.stubGlobal('gotrack', undefined);
    vi.stubGlobal('GoTrackHMAC', undefined);
    vi.stubGlobal('GO_TRACK_URL', undefined);
    vi.stubGlobal('location', new URL(href));
    vi.stubGlobal('localStorage', undefined);
    const disk = newStorage(storage, () => this.isFull);
    Object.defineProperty(globalThis, 'localStorage', {
      configurable: true,
      get: () => {
        if (this.isBlocked) {
          throw new DOMException('not in this frame', 'SecurityError');
        }
        return disk;
      },
    });
    vi.stubGlobal('document', this.newDocument(href));
    vi.stubGlobal('navigator', {
      language: 'en',
      languages: ['en'],
      sendBeacon: (url: string) => this.beacons.push(url) > 0,
      locks: {
        request: async (_: string, __: object, work: (lock: object) => unknown) => work({}),
      },
    });
    vi.stubGlobal('screen', { width: 1 });
    vi.stubGlobal('innerWidth', 800);
    vi.stubGlobal('innerHeight', 600);
    vi.stubGlobal('devicePixelRatio', 1);
    vi.stubGlobal('matchMedia', () => ({ matches: false }));
    vi.stubGlobal('addEventListener', this.listen);
    vi.stubGlobal('history', { pushState: this.moveTo, replaceState: this.moveTo });
    vi.stubGlobal('fetch', this.answer);
    vi.stubGlobal('Image', newImageClass(this));
  }

  /** Tells the page of something that the browser does. */
  emit(name: string, event: object = {}): void {
    for (const listener of this.listeners.get(name) ?? []) {
      listener(event as never);
    }
  }

  hide(isHidden = true): void {
    Object.assign(document, { hidden: isHidden });
    this.emit('visibilitychange');
  }

  /** The browser shows another address of the same page. */
  move(href: string): void {
    vi.stubGlobal('location', new URL(href, location.href));
  }

  types(): string[] {
    return this.posted.flatMap(({ events }) => events.map(({ type }) => type));
  }

  close(): void {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.resetModules();
  }

  private readonly listen = (name: string, listener: Listener): void => {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  };

  private readonly moveTo = (_: unknown, __: string, href?: string): void => {
    if (href !== undefined) {
      this.move(href);
    }
  };

  private readonly answer = async (url: string, init: RequestInit): Promise<Response> => {
    const events = JSON.parse(init.body as string) as Posted['events'];
    this.posted.push({ url: new URL(url), events, init });
    const answer = this.answers.length > 1 ? this.answers.shift()! : this.answers[0]!;
    if (answer === undefined || answer instanceof Error) {
      throw answer;
    }
    return (await answer).clone();
  };

  private newDocument(href: string): object {
    return {
      hidden: false,
      baseURI: href,
      referrer: 'https://search.example/',
      title: 'A page',
      addEventListener: this.listen,
      createElement: () => ({ remove() {} }),
      head: {
        querySelector: () => null,
        append: (script: HTMLScriptElement) => {
          this.scripts.push(script.src);
          queueMicrotask(() => {
            if (this.onScript) {
              this.onScript();
              script.onload!({} as Event);
            } else {
              script.onerror!({} as Event);
            }
          });
        },
      },
    };
  }
}
