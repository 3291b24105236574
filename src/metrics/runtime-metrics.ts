import { getHeapSpaceStatistics, getHeapStatistics, type HeapSpaceInfo } from 'node:v8';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Registry } from 'prom-client';
import { EventLoopLag } from './event-loop-lag.js';
import { GcDurations } from './gc-durations.js';
import { INSTRUMENTS, type NumberInstrument } from './instruments.js';
import { maxFileDescriptors, openFileDescriptors, virtualMemoryBytes } from './proc-self.js';
import { PROCESS_START_SECONDS } from './process-start.js';
import { registerCollected } from './collected-metric.js';

/** The process and its runtime, for as long as the application lives. */
@Injectable()
export class RuntimeMetrics implements OnModuleInit, OnApplicationShutdown {
  private readonly lag = new EventLoopLag();
  private readonly gc = new GcDurations();

  constructor(registry: Registry) {
    this.lag.registerOn(registry);
    this.gc.registerOn(registry);
    registerProcess(registry);
    registerHeap(registry);
    registerCollected(registry, INSTRUMENTS.activeResources, () =>
      Array.from(
        Map.groupBy(process.getActiveResourcesInfo(), (type) => type),
        ([type, { length }]) => [{ type }, length] as const,
      ),
    );
    registerCollected(registry, INSTRUMENTS.versionInfo, () => [[nodeVersion(), 1]]);
  }

  onModuleInit(): void {
    this.lag.start();
    this.gc.start();
  }

  onApplicationShutdown(): void {
    this.lag.stop();
    this.gc.stop();
  }
}

function registerProcess(registry: Registry): void {
  registerCollected(registry, INSTRUMENTS.processStartTime, () => [[{}, PROCESS_START_SECONDS]]);
  registerCollected(registry, INSTRUMENTS.processCpu, () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
  registerCollected(registry, INSTRUMENTS.processResidentMemory, () => [
    [{}, process.memoryUsage.rss()],
  ]);
  registerIfKnown(registry, INSTRUMENTS.processVirtualMemory, virtualMemoryBytes);
  registerIfKnown(registry, INSTRUMENTS.processOpenFds, openFileDescriptors);
  registerIfKnown(registry, INSTRUMENTS.processMaxFds, maxFileDescriptors);
}

function registerHeap(registry: Registry): void {
  registerCollected(registry, INSTRUMENTS.heapTotal, () => [[{}, process.memoryUsage().heapTotal]]);
  registerCollected(registry, INSTRUMENTS.heapUsed, () => [[{}, process.memoryUsage().heapUsed]]);
  registerCollected(registry, INSTRUMENTS.heapLimit, () => [
    [{}, getHeapStatistics().heap_size_limit],
  ]);
  registerCollected(registry, INSTRUMENTS.externalMemory, () => [
    [{}, process.memoryUsage().external],
  ]);
  registerCollected(
    registry,
    INSTRUMENTS.heapSpaceTotal,
    spaces((space) => space.space_size),
  );
  registerCollected(
    registry,
    INSTRUMENTS.heapSpaceUsed,
    spaces((space) => space.space_used_size),
  );
  registerCollected(
    registry,
    INSTRUMENTS.heapSpaceAvailable,
    spaces((space) => space.space_available_size),
  );
}

function spaces(value: (space: HeapSpaceInfo) => number) {
  return () =>
    getHeapSpaceStatistics().map(
      (space) => [{ space: space.space_name.replace(/_space$/, '') }, value(space)] as const,
    );
}

function registerIfKnown(
  registry: Registry,
  instrument: NumberInstrument<never>,
  read: () => Promise<number | undefined>,
): void {
  registerCollected(registry, instrument, async () => {
    const value = await read();
    return value === undefined ? [] : [[{}, value]];
  });
}

function nodeVersion(): Record<'version' | 'major' | 'minor' | 'patch', string> {
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  return { version: process.version, major, minor, patch };
}
