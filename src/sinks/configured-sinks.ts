import type { Sink } from './sink.js';

/** When a batch goes to the sink, where it has a say of its own. */
export interface SinkBounds {
  readonly maxEvents: number;
  /** How long the first event may wait for others. */
  readonly lingerMs: number;
}

export interface ConfiguredSink {
  readonly name: string;
  readonly sink: Sink;
  /** Undefined: as for every sink. */
  readonly bounds: SinkBounds | undefined;
}

/** Injects the sinks of `OUTPUTS`: `readonly ConfiguredSink[]`, not opened yet. */
export const SINKS = Symbol('SINKS');
