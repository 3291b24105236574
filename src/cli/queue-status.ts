import { configuredPlan } from '../configured-plan.js';
import { fleetStats, laneStats } from '../delivery/lane-stats.js';
import type { FleetStats, LaneStats } from '../metrics/pipeline-observer.js';
import { QUEUE_CATALOGUE } from '../queueing/queue.catalogue.js';
import type { QueueStatus } from '../queueing/queue-driver.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import type { Options } from './command.js';
import { print, printJson } from './print.js';
import { loadProgramConfiguration } from '../program-configuration.js';

const MIB = 1024 * 1024;

interface DescribedDisk {
  readonly directory: string;
  readonly bytes: number;
  readonly capacityBytes: number;
  readonly filesystemAvailableBytes: number;
  readonly sinks: readonly LaneStats[];
}

export async function run(options: Options): Promise<number> {
  const { get } = await loadProgramConfiguration();
  const plan = configuredPlan(get);
  const driver = QUEUE_CATALOGUE[plan.driver];
  const isText = !options.has('json');
  const onDisk = await driver.status(get, plan);
  const disk = onDisk && describedDisk(onDisk, get(QueueingOptions));
  if (disk && isText) {
    // What this instance holds is needed most while no broker answers.
    print(describeDisk(disk));
  }
  const inTopic = await driver.fleetStatus?.(get, plan);
  const fleet = inTopic && fleetStats(inTopic);
  if (fleet && isText) {
    print(`${disk ? '\n' : ''}${describeFleet(fleet)}`);
  }
  if (!isText) {
    printJson({ ...disk, ...(fleet && { fleet }) });
  }
  return 0;
}

function describedDisk(
  { sinks, bytes, filesystemAvailableBytes }: QueueStatus,
  { path, maxMegabytes }: QueueingOptions,
): DescribedDisk {
  return {
    directory: path,
    bytes,
    capacityBytes: maxMegabytes * MIB,
    filesystemAvailableBytes,
    sinks: sinks.map(laneStats),
  };
}

function describeDisk(disk: DescribedDisk): string {
  const { directory, bytes, capacityBytes, filesystemAvailableBytes, sinks } = disk;
  const share = ((100 * bytes) / capacityBytes).toFixed(1);
  const size =
    `${directory}: ${mib(bytes)} of ${mib(capacityBytes)} MiB used (QUEUE_MAX_MB), ${share} %; ` +
    `${mib(filesystemAvailableBytes)} MiB available on its file system`;
  return [size, '', ...tableOf(sinks)].join('\n');
}

function describeFleet({ partitions, retentionSeconds, sinks }: FleetStats): string {
  const kept =
    retentionSeconds === undefined ? '' : `, kept for ${(retentionSeconds / 3600).toFixed(1)} h`;
  const head = `all instances together: ${partitions} partitions in the topic (QUEUE_KAFKA_TOPIC)${kept}`;
  return [head, '', ...tableOf(sinks)].join('\n');
}

function tableOf(sinks: readonly LaneStats[]): readonly string[] {
  const expires = sinks.some(({ ledger }) => ledger.expired !== undefined);
  const rows = sinks.map(({ sink, ledger, oldestEventAgeSeconds }) => {
    const { queued, accepted, delivered, deadLettered, purged, corrupt, expired = 0 } = ledger;
    const counts = [queued, accepted, delivered, deadLettered, purged, corrupt];
    return [
      sink,
      ...[...counts, ...(expires ? [expired] : [])].map(String),
      `${oldestEventAgeSeconds.toFixed(1)} s`,
    ];
  });
  const names = ['queued', 'accepted', 'delivered', 'dead letters', 'purged'];
  const lost = expires ? ['skipped', 'expired'] : ['corrupt'];
  const table = [['sink', ...names, ...lost, 'oldest'], ...rows];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
