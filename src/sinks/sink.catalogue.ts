import type { OptionsClass } from '../config/setting.js';
import { LogSink } from './log/log-sink.js';
import { LogOptions } from './log/log.options.js';
import { StdoutSink } from './log/stdout-sink.js';
import type { Sink } from './sink.js';

export interface SinkDefinition<T extends object = object> {
  /** As in `OUTPUTS`, in the metrics and in the queue. */
  readonly name: string;
  readonly optionsClass: OptionsClass<T>;
  /** Cheap and without effect: the lane opens the sink. */
  create(options: T): Sink;
}

/** Every sink there is: one line each. */
export const SINK_CATALOGUE: readonly SinkDefinition[] = [
  defineSink('log', LogOptions, (o) => (o.path === 'stdout' ? new StdoutSink() : new LogSink(o))),
];

export const SINK_NAMES: readonly string[] = SINK_CATALOGUE.map(({ name }) => name);

function defineSink<T extends object>(
  name: string,
  optionsClass: OptionsClass<T>,
  create: (options: T) => Sink,
): SinkDefinition<T> {
  return { name, optionsClass, create };
}
