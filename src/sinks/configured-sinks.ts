import type { Sink } from './sink.js';

export interface ConfiguredSink {
  readonly name: string;
  readonly sink: Sink;
}

/** Injects the sinks of `OUTPUTS`: `readonly ConfiguredSink[]`, not opened yet. */
export const SINKS = Symbol('SINKS');
