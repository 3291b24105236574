import { configuredPlan } from '../configured-plan.js';
import { ledgerOf } from '../delivery/accounting.js';
import type { Ledger } from '../metrics/pipeline-observer.js';
import { QUEUE_CATALOGUE } from '../queueing/queue.catalogue.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import type { Options } from './command.js';
import { print, printJson } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

const MIB = 1024 * 1024;

interface Described {
  readonly directory: string;
  readonly bytes: number;
  readonly capacityBytes: number;
  readonly filesystemAvailableBytes: number;
  readonly sinks: readonly {
    readonly sink: string;
    readonly ledger: Ledger;
    readonly oldestEventAgeSeconds: number;
  }[];
}

export async function run(options: Options): Promise<number> {
  const { get } = await loadProgramConfiguration();
  const queueing = get(QueueingOptions);
  const plan = configuredPlan(get);
  const driver = QUEUE_CATALOGUE[plan.driver];
  const { sinks, bytes, filesystemAvailableBytes } = await driver.status(get, plan);
  const described = {
    directory: queueing.path,
    bytes,
    capacityBytes: queueing.maxMegabytes * MIB,
    filesystemAvailableBytes,
    sinks: sinks.map(({ sink, progress, account, oldestEventAgeSeconds }) => ({
      sink,
      ledger: ledgerOf(progress, account),
      oldestEventAgeSeconds,
    })),
  };
  if (options.has('json')) {
    printJson(described);
  } else {
    print(describe(described));
    const { beside } = driver;
    if (beside !== undefined) {
      print(`\n${beside}`);
    }
  }
  return 0;
}

/** One line for the queue, then a table of its sinks. */
function describe({ directory, bytes, capacityBytes, ...status }: Described): string {
  const share = ((100 * bytes) / capacityBytes).toFixed(1);
  const size =
    `${directory}: ${mib(bytes)} of ${mib(capacityBytes)} MiB used (QUEUE_MAX_MB), ${share} %; ` +
    `${mib(status.filesystemAvailableBytes)} MiB available on its file system`;
  const rows = status.sinks.map(({ sink, ledger, oldestEventAgeSeconds }) => {
    const { queued, accepted, delivered, deadLettered, purged, corrupt } = ledger;
    const counts = [queued, accepted, delivered, deadLettered, purged, corrupt].map(String);
    return [sink, ...counts, `${oldestEventAgeSeconds.toFixed(1)} s`];
  });
  const table = [
    ['sink', 'queued', 'accepted', 'delivered', 'dead letters', 'purged', 'corrupt', 'oldest'],
    ...rows,
  ];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '),
  );
  return [size, '', ...lines].map((line) => line.trimEnd()).join('\n');
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
