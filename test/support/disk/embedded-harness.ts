import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PipelineObserver } from '../../../src/metrics/pipeline-observer.js';
import { EmbeddedQueue } from '../../../src/queueing/embedded/embedded-queue.js';
import { forgetSink } from '../../../src/queueing/embedded/queue-status.js';
import type { QueueHarness } from './queue-harness.js';
import { disk } from './unreliable-disk.js';

const BLOCK_BYTES = 88;
const ENTRY_BYTES = 9;

export function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gotrack-model-'));
}

export class EmbeddedHarness implements QueueHarness {
  private constructor(
    public directory: string,
    private readonly maxBytes: number,
  ) {}

  /** @param maxBytes by default a few segments of 64 KiB, the smallest there are */
  static async create(maxBytes = 256 * 1024): Promise<EmbeddedHarness> {
    return new EmbeddedHarness(await newDirectory(), maxBytes);
  }

  open(sinks: readonly string[], observer: PipelineObserver): Promise<EmbeddedQueue> {
    const { directory, maxBytes } = this;
    return EmbeddedQueue.open({ directory, maxBytes, sinks }, observer);
  }

  forget(sink: string): Promise<number> {
    return forgetSink(this.directory, sink);
  }

  bytesOf(events: readonly Buffer[]): number {
    return events.reduce((sum, { length }) => sum + length + ENTRY_BYTES, BLOCK_BYTES);
  }

  repair(): void {
    disk.release();
    disk.forget();
    disk.failing = undefined;
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}
