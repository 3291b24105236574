import { queueDriver } from '../queueing/queue.catalogue.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';
import { ledgerOf } from '../delivery/accounting.js';
import type { QueueStatus } from '../queueing/queue-driver.js';

const MIB = 1024 * 1024;

export async function run(): Promise<number> {
  const options = (await loadProgramConfiguration()).get(QueueingOptions);
  print(describe(options.path, await queueDriver.status(options)));
  return 0;
}

/** One line for the queue, then a table of its sinks. */
function describe(directory: string, status: QueueStatus): string {
  const size = `${directory}: ${mib(status.bytes)} MiB used, ${mib(status.filesystemAvailableBytes)} MiB available on its file system`;
  const rows = status.sinks.map(({ sink, progress, account, oldestEventAgeSeconds }) => {
    const { queued, accepted, delivered, deadLettered, corrupt } = ledgerOf(progress, account);
    const counts = [queued, accepted, delivered, deadLettered, corrupt].map(String);
    return [sink, ...counts, `${oldestEventAgeSeconds.toFixed(1)} s`];
  });
  const table = [
    ['sink', 'queued', 'accepted', 'delivered', 'dead letters', 'corrupt', 'oldest'],
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
