import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from '../fake-page.js';

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
  vi.stubGlobal('gotrackAuto', undefined);
  vi.stubGlobal(
    'PerformanceObserver',
    class {
      static readonly supportedEntryTypes = ['layout-shift'];
      observe(): void {}
      takeRecords(): [] {
        return [];
      }
      disconnect(): void {}
    },
  );
  vi.spyOn(performance, 'getEntriesByType').mockReturnValue([
    { responseStart: 120.4 } as unknown as PerformanceEntry,
  ]);
});
afterEach(() => {
  vi.restoreAllMocks();
  page.close();
});

async function start(files: readonly string[]) {
  Object.assign(document, { currentScript: { src: 'https://t.example/pixel.js', dataset: {} } });
  for (const file of files) {
    await import(file);
  }
}

const anchor = (href: string) =>
  Object.assign(new URL(href), { tagName: 'A', hasAttribute: () => false });

describe('pixel.auto.js', () => {
  it.each([[['../pixel.js', './index.js']], [['./index.js', '../pixel.js', './index.js']]])(
    'reports through the client, loaded in whatever order: %j',
    async (files) => {
      await start(files);
      const link = anchor('https://other.example/a?secret=1');
      page.emit('click', { button: 0, composedPath: () => [{ tagName: 'SPAN' }, link] });
      page.emit('click', { button: 0, composedPath: () => [{ tagName: 'SPAN' }] });
      page.emit('auxclick', { button: 2, composedPath: () => [link] });
      const attributes: Record<string, string> = { id: 'signup', action: '/send?token=1' };
      page.emit('submit', { target: { getAttribute: (name: string) => attributes[name] ?? null } });
      await vi.advanceTimersByTimeAsync(400);
      page.hide();
      page.hide(false);
      page.hide();
      expect(
        page.posted.flatMap(({ events }) => events.map(({ type, props }) => [type, props])),
      ).toEqual([
        ['pageview', undefined],
        ['outbound_link', { url: 'https://other.example/a' }],
        ['form_submit', { id: 'signup', action: '/send' }],
        ['web_vitals', { ttfb: 120, cls: 0 }],
      ]);
    },
  );

  it('throws nothing into the page', async () => {
    await start(['./index.js']);
    expect(() => page.emit('click', {})).not.toThrow();
    expect(() => page.emit('submit', {})).not.toThrow();
    vi.stubGlobal('PerformanceObserver', undefined);
    vi.stubGlobal('gotrackAuto', undefined);
    vi.resetModules();
    await start(['./index.js']);
    expect(() => page.hide()).not.toThrow();
  });
});
