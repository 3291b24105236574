import { type QueueStatus, queueStatus } from '../queueing/embedded/queue-status.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import type { Options } from './command.js';
import { print, printJson } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

const MIB = 1024 * 1024;

export async function run(options: Options): Promise<number> {
  const { path, maxMegabytes } = (await loadProgramConfiguration()).get(QueueingOptions);
  const status = await queueStatus(path);
  if (options.has('json')) {
    printJson({ directory: path, capacityBytes: maxMegabytes * MIB, ...status });
  } else {
    print(describe(path, maxMegabytes, status));
  }
  return 0;
}

/** One line for the queue, then a table of its sinks. */
function describe(directory: string, maxMegabytes: number, status: QueueStatus): string {
  const share = ((100 * status.bytes) / (maxMegabytes * MIB)).toFixed(1);
  const size =
    `${directory}: ${mib(status.bytes)} of ${maxMegabytes} MiB (QUEUE_MAX_MB) used, ${share} %; ` +
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
