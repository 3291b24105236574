import type { Metric, Registry } from 'prom-client';
import type { BucketCounts } from './bucket-counts.js';
import type { HistogramInstrument, Instrument, NumberInstrument } from './instruments.js';

/** Has metrics of its own, and shows them on a registry. */
export interface MetricSource {
  registerOn(registry: Registry): void;
}

export type Sample<Label extends string, Value> = readonly [
  labels: Readonly<Record<Label, string>>,
  value: Value,
];

export type Samples<Label extends string, Value> = Iterable<Sample<Label, Value>>;

/** Shows on the registry, at each scrape, what `samples` then returns; a series that it leaves out is absent. */
export function registerCollected<Label extends string>(
  registry: Registry,
  instrument: NumberInstrument<Label>,
  samples: () => Samples<Label, number> | Promise<Samples<Label, number>>,
): void {
  register(registry, instrument, async () =>
    Array.from(await samples(), ([labels, value]) => ({ labels, value })),
  );
}

/** The same for histograms. */
export function registerCollectedHistogram<Label extends string>(
  registry: Registry,
  instrument: HistogramInstrument<Label>,
  samples: () => Samples<Label, BucketCounts>,
): void {
  register(registry, instrument, () =>
    Promise.resolve(
      Array.from(samples(), ([labels, counts]) => expand(instrument.name, labels, counts)).flat(),
    ),
  );
}

interface Line {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

function expand(name: string, labels: Readonly<Record<string, string>>, of: BucketCounts): Line[] {
  let count = 0;
  const buckets = Array.from(of.counts, (observed, index) => {
    count += observed;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: of.bounds[index] ?? '+Inf' },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: of.sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/**
 * A registry renders whatever has a name and answers `get()`. prom-client's own classes keep their
 * numbers themselves: handing ours over would mean a reset and an `inc` for each series at each scrape,
 * could not leave a series out, and for histograms is not possible through their public methods.
 */
function register(
  registry: Registry,
  { type, name, help }: Instrument,
  lines: () => Promise<Line[]>,
): void {
  const metric = {
    type,
    name,
    help,
    aggregator: 'sum',
    get: async () => ({ type, name, help, aggregator: 'sum', values: await lines() }),
  };
  registry.registerMetric(metric as unknown as Metric);
}
