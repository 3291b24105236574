import { ledgerOf } from '../delivery/accounting.js';
import type { QueueStatus } from '../queueing/queue-driver.js';

const MIB = 1024 * 1024;

/** For `queue status`: one line for the queue, then a table of its sinks. */
export function describeQueueStatus(directory: string, status: QueueStatus): string {
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
