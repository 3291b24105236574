import type { OptionsClass } from '../config/setting.js';
import type { SinkBounds } from './configured-sinks.js';
import { KafkaSink } from './kafka/kafka-sink.js';
import { KafkaOptions } from './kafka/kafka.options.js';
import { LogSink } from './log/log-sink.js';
import { LogOptions } from './log/log.options.js';
import { StdoutSink } from './log/stdout-sink.js';
import { PostgresSink } from './postgres/postgres-sink.js';
import { PostgresOptions } from './postgres/postgres.options.js';
import type { Sink } from './sink.js';

export interface SinkDefinition<T extends object = object> {
  /** As in `OUTPUTS`, in the metrics and in the queue. */
  readonly name: string;
  readonly optionsClass: OptionsClass<T>;
  /** Cheap and without effect: the lane opens the sink. */
  create(options: T): Sink;
  /** For a sink with bounds of its own for a batch. */
  bounds?(options: T): SinkBounds;
  /** Properties of the options that must be set when `OUTPUTS` names the sink. */
  readonly required?: readonly string[];
}

/** Every sink there is: one line each. */
export const SINK_CATALOGUE: readonly SinkDefinition[] = [
  defineSink('log', LogOptions, (o) => (o.path === 'stdout' ? new StdoutSink() : new LogSink(o))),
  defineSink('kafka', KafkaOptions, (o) => new KafkaSink(o)),
  defineSink('postgres', PostgresOptions, (o) => new PostgresSink(o), {
    bounds: ({ batchSize, flushMs }) => ({ maxEvents: batchSize, lingerMs: flushMs }),
    required: ['dsn'],
  }),
];

export const SINK_NAMES: readonly string[] = SINK_CATALOGUE.map(({ name }) => name);

function defineSink<T extends object>(
  name: string,
  optionsClass: OptionsClass<T>,
  create: (options: T) => Sink,
  particulars: Pick<SinkDefinition<T>, 'bounds'> & {
    readonly required?: readonly (keyof T & string)[];
  } = {},
): SinkDefinition<T> {
  return { name, optionsClass, create, ...particulars };
}
