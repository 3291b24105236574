import { attempt } from '../attempt.js';
import type { Say } from './say.js';

/** Milliseconds, but for CLS, which has no unit. What the browser does not measure is left out. */
interface Vitals {
  ttfb?: number | undefined;
  fcp?: number | undefined;
  lcp?: number | undefined;
  cls?: number;
  inp?: number;
}

interface LayoutShift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
}

interface Interaction extends PerformanceEventTiming {
  interactionId: number;
}

/** Shorter interactions count as this, https://www.w3.org/TR/event-timing/. */
const SHORTEST_INTERACTION_MS = 40;

/** One `web_vitals` event a page, when it is hidden for the first time, as https://web.dev/articles/vitals defines them. */
export function followVitals(say: Say): void {
  /** Since the beginning of the navigation. */
  const paints: { fcp?: number; lcp?: number } = {};
  const vitals: Vitals = {};
  const cls = layoutShift();
  const inp = interactionToNextPaint();
  // In a tab that was opened in the background, nothing was painted before somebody looked.
  const isWatched = !document.hidden || document.prerendering;
  if (PerformanceObserver.supportedEntryTypes.includes('layout-shift')) {
    vitals.cls = 0;
  }
  const observers = [
    observe('paint', ({ name, startTime }) => {
      if (name === 'first-contentful-paint') {
        paints.fcp = startTime;
      }
    }),
    observe('largest-contentful-paint', ({ startTime }) => (paints.lcp = startTime)),
    observe('layout-shift', (entry) => (vitals.cls = cls(entry as LayoutShift))),
    observe('event', (entry) => (vitals.inp = inp(entry as Interaction) ?? vitals.inp!)),
  ];
  let isSaid = false;
  const end = (): void => {
    if (document.hidden && !isSaid) {
      isSaid = true;
      observers.forEach((take) => take?.());
      say('web_vitals', { ...sinceShown(isWatched ? paints : {}), ...vitals });
    }
  };
  // Before the client's own listener, so that it is in the last batch.
  document.addEventListener('visibilitychange', () => attempt(end), true);
}

/** A prerendered page begins for its visitor when it is shown. */
function sinceShown({ fcp, lcp }: { fcp?: number; lcp?: number }): Vitals {
  const [navigation] = performance.getEntriesByType(
    'navigation',
  ) as (PerformanceNavigationTiming & {
    activationStart?: number;
  })[];
  const shown = navigation?.activationStart ?? 0;
  const since = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : Math.round(Math.max(0, time - shown));
  return { ttfb: since(navigation?.responseStart), fcp: since(fcp), lcp: since(lcp) };
}

/** @returns takes what has not been handed over yet, and stops */
function observe(type: string, take: (entry: PerformanceEntry) => void): (() => void) | undefined {
  return attempt(() => {
    const takeAll = (entries: PerformanceEntry[]): void => entries.forEach((entry) => take(entry));
    const observer = new PerformanceObserver((list) => attempt(() => takeAll(list.getEntries())));
    observer.observe({
      type,
      buffered: true,
      durationThreshold: SHORTEST_INTERACTION_MS,
    } as PerformanceObserverInit);
    return () => {
      takeAll(observer.takeRecords());
      observer.disconnect();
    };
  });
}

const SHIFT_GAP_MS = 1000;
const SHIFT_WINDOW_MS = 5000;

/** The largest sum within a window of shifts that follow each other closely. */
export function layoutShift(): (entry: LayoutShift) => number {
  let largest = 0;
  let sum = 0;
  let first = -Infinity;
  let last = -Infinity;
  return ({ value, startTime, hadRecentInput }) => {
    if (!hadRecentInput) {
      if (startTime - last > SHIFT_GAP_MS || startTime - first > SHIFT_WINDOW_MS) {
        sum = 0;
        first = startTime;
      }
      last = startTime;
      sum += value;
      largest = Math.max(largest, sum);
    }
    return Math.round(largest * 1e4) / 1e4;
  };
}

/** Of so many interactions, the slowest one is left out. */
const INTERACTIONS_PER_OUTLIER = 50;
const MAX_KEPT = 10;

/** The slowest interaction but for outliers; undefined before there is one. */
export function interactionToNextPaint(): (entry: Interaction) => number | undefined {
  const ids = new Set<number>();
  let slowest: { id: number; duration: number }[] = [];
  return ({ interactionId: id, duration }) => {
    if (id) {
      ids.add(id);
      const known = slowest.find((one) => one.id === id);
      if (known) {
        known.duration = Math.max(known.duration, duration);
      } else {
        slowest.push({ id, duration });
      }
      slowest = [...slowest].sort((a, b) => b.duration - a.duration).slice(0, MAX_KEPT);
    }
    return slowest[Math.min(slowest.length - 1, Math.floor(ids.size / INTERACTIONS_PER_OUTLIER))]
      ?.duration;
  };
}
