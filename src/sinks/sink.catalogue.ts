import type { GetOptions } from '../config/load-configuration.js';
import type { OptionsClass } from '../config/setting.js';
import { KafkaConnectionOptions } from '../kafka/kafka-connection.options.js';
import type { SinkBounds } from './configured-sinks.js';
import { KafkaSink } from './kafka/kafka-sink.js';
import { KafkaOptions } from './kafka/kafka.options.js';
import { LogSink } from './log/log-sink.js';
import { LogOptions } from './log/log.options.js';
import { StdoutSink } from './log/stdout-sink.js';
import { PostgresSink } from './postgres/postgres-sink.js';
import { PostgresOptions } from './postgres/postgres.options.js';
import type { Sink } from './sink.js';

export interface SinkDefinition {
  /** As in `OUTPUTS`, in the metrics and in the queue. */
  readonly name: string;
  readonly optionsClasses: readonly OptionsClass[];
  /** Cheap and without effect: the lane opens the sink. */
  create(get: GetOptions): Sink;
  /** Undefined for a sink without bounds of its own for a batch. */
  bounds(get: GetOptions): SinkBounds | undefined;
  /** Variables that must be set when `OUTPUTS` names the sink. */
  readonly required: readonly string[];
}

/** Every sink there is: one line each. */
export const SINK_CATALOGUE: readonly SinkDefinition[] = [
  defineSink('log', [LogOptions], (o) => (o.path === 'stdout' ? new StdoutSink() : new LogSink(o))),
  defineSink('kafka', [KafkaConnectionOptions, KafkaOptions], (c, o) => new KafkaSink(c, o)),
  defineSink('postgres', [PostgresOptions], (o) => new PostgresSink(o), {
    bounds: ({ batchSize, flushMs }) => ({ maxEvents: batchSize, lingerMs: flushMs }),
    required: ['PG_DSN'],
  }),
];

export const SINK_NAMES: readonly string[] = SINK_CATALOGUE.map(({ name }) => name);

/** The options of every sink; what several share is in it once. */
export const SINK_OPTIONS_CLASSES: readonly OptionsClass[] = [
  ...new Set(SINK_CATALOGUE.flatMap(({ optionsClasses }) => optionsClasses)),
];

type OptionsOf<Classes extends readonly OptionsClass[]> = {
  [Index in keyof Classes]: InstanceType<Classes[Index]>;
};

interface Particulars<Classes extends readonly OptionsClass[]> {
  readonly bounds?: (...options: OptionsOf<Classes>) => SinkBounds;
  readonly required?: readonly string[];
}

function defineSink<const Classes extends readonly OptionsClass[]>(
  name: string,
  optionsClasses: Classes,
  create: (...options: OptionsOf<Classes>) => Sink,
  { bounds, required = [] }: Particulars<Classes> = {},
): SinkDefinition {
  const optionsFrom = (get: GetOptions): OptionsOf<Classes> =>
    optionsClasses.map((each) => get(each)) as OptionsOf<Classes>;
  return {
    name,
    optionsClasses,
    create: (get) => create(...optionsFrom(get)),
    bounds: (get) => bounds?.(...optionsFrom(get)),
    required,
  };
}
