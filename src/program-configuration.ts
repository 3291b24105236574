import { AdmissionOptions } from './ingestion/admission/admission.options.js';
import { DeadLetterOptions } from './config/dead-letter.options.js';
import { LoggingOptions } from './config/logging.options.js';
import { RoleOptions } from './config/role.options.js';
import {
  type Configuration,
  type CrossCheck,
  type GetOptions,
  loadConfiguration,
} from './config/load-configuration.js';
import type { ConfigurationPlace } from './config/read-variables.js';
import type { OptionsClass } from './config/setting.js';
import { DeliveryOptions } from './delivery/delivery.options.js';
import { ForwardOptions } from './delivery/forward/forward.options.js';
import { HttpOptions } from './http/http.options.js';
import { EnrichmentOptions } from './ingestion/enrichment/enrichment.options.js';
import { PathsOptions } from './ingestion/paths.options.js';
import { GeoOptions } from './ingestion/enrichment/places/geo.options.js';
import { databaseFaults } from './ingestion/enrichment/places/mmdb-file.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { eventSchemaFaults } from './ingestion/schemas/event-schemas.js';
import { SchemasOptions } from './ingestion/schemas/schemas.options.js';
import { KafkaConnectionOptions } from './kafka/kafka-connection.options.js';
import { MetricsOptions } from './metrics/metrics.options.js';
import { KafkaQueueOptions } from './queueing/kafka/kafka-queue.options.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { roleRules } from './role-rules.js';
import { requiredSettings } from './sinks/required-settings.js';
import { SINK_OPTIONS_CLASSES } from './sinks/sink.catalogue.js';
import { SinksOptions } from './sinks/sinks.options.js';
import { credentialFaults } from './http/tls/read-credentials.js';

const COLLECTOR_OPTIONS_CLASSES: readonly OptionsClass[] = [
  PathsOptions,
  IngestionOptions,
  GeoOptions,
  SchemasOptions,
  AdmissionOptions,
  EnrichmentOptions,
];

/** All that can be configured, in the order of `config/example.env`. */
export const OPTIONS_CLASSES: readonly OptionsClass[] = [
  RoleOptions,
  HttpOptions,
  ...COLLECTOR_OPTIONS_CLASSES,
  QueueingOptions,
  KafkaQueueOptions,
  ForwardOptions,
  DeliveryOptions,
  DeadLetterOptions,
  SinksOptions,
  ...SINK_OPTIONS_CLASSES,
  MetricsOptions,
  LoggingOptions,
];

/** One env file serves all roles: it may name files that only the processes of another role have. */
function isUsedByRole(optionsClass: OptionsClass, get: GetOptions): boolean {
  if (COLLECTOR_OPTIONS_CLASSES.includes(optionsClass)) {
    return hasCollector(get);
  }
  const isOfSinks =
    SINK_OPTIONS_CLASSES.includes(optionsClass) && optionsClass !== KafkaConnectionOptions;
  return !isOfSinks || get(RoleOptions).role !== 'ingest';
}

/** A rule for the start, not of the classes: a running server keeps serving while its files are replaced, and so `healthcheck` must work. */
const usableCertificates: CrossCheck = (get) => {
  const metrics = get(MetricsOptions);
  const files = [
    hasCollector(get) ? get(HttpOptions).tlsFiles : undefined,
    metrics.enabled ? metrics.tlsFiles : undefined,
  ];
  return files.flatMap((each) => (each ? credentialFaults(each) : []));
};

function hasCollector(get: GetOptions): boolean {
  return get(RoleOptions).role !== 'deliver';
}

/** Databases are looked at, not read: the start reads them. */
const usableCollectorFiles: CrossCheck = async (get) =>
  hasCollector(get)
    ? [...databaseFaults(get(GeoOptions)), ...(await eventSchemaFaults(get(SchemasOptions)))]
    : [];

/** Rules over several options classes, and over the files that they name. */
const CROSS_CHECKS: readonly CrossCheck[] = [
  requiredSettings,
  roleRules,
  usableCertificates,
  usableCollectorFiles,
];

/** The whole configuration, refused for what would stop the start. */
export function loadProgramConfiguration(place: ConfigurationPlace = {}): Promise<Configuration> {
  const checks = { crossChecks: CROSS_CHECKS, isUsed: isUsedByRole };
  return loadConfiguration(OPTIONS_CLASSES, { ...place, ...checks });
}
