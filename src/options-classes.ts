import { LoggingOptions } from './config/logging.options.js';
import type { CrossCheck } from './config/load-configuration.js';
import type { OptionsClass } from './config/setting.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { MetricsOptions } from './metrics/metrics.options.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { requiredSettings } from './sinks/required-settings.js';
import { SINK_CATALOGUE } from './sinks/sink.catalogue.js';
import { SinksOptions } from './sinks/sinks.options.js';

/** All that can be configured, in the order of `config/example.env`. */
export const OPTIONS_CLASSES: readonly OptionsClass[] = [
  IngestionOptions,
  QueueingOptions,
  SinksOptions,
  ...SINK_CATALOGUE.map(({ optionsClass }) => optionsClass),
  MetricsOptions,
  LoggingOptions,
];

/** Rules over several of them. */
export const CROSS_CHECKS: readonly CrossCheck[] = [requiredSettings];
