import type { BatchSource } from '../queueing/event-queue.js';
import type { SinkBounds } from '../sinks/configured-sinks.js';
import type { Sink } from '../sinks/sink.js';

/** What a lane connects. */
export interface LaneInput {
  readonly source: BatchSource;
  readonly sink: Sink;
  /** Undefined: as for every sink. */
  readonly bounds: SinkBounds | undefined;
}

/** Injects those of all lanes of the process: `readonly LaneInput[]`. */
export const LANE_INPUTS = Symbol('LANE_INPUTS');
