import type { FleetStats, LaneStats } from '../metrics/pipeline-observer.js';
import type { FleetStatus } from '../queueing/fleet.js';
import type { SinkStatus } from '../queueing/queue-driver.js';
import { ledgerOf } from './accounting.js';

export function laneStats({
  progress,
  account,
  oldestEventAgeSeconds,
  sink,
}: SinkStatus): LaneStats {
  return { sink, ledger: ledgerOf(progress, account), oldestEventAgeSeconds };
}

export function fleetStats({ sinks, ...fleet }: FleetStatus): FleetStats {
  return { ...fleet, sinks: sinks.map(laneStats) };
}
