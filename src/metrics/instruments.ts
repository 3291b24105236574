/** A metric's name, help and labels, as Prometheus sees them. */
interface Described<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
}

export interface NumberInstrument<Label extends string = string> extends Described<Label> {
  readonly type: 'counter' | 'gauge';
}

export interface HistogramInstrument<Label extends string = string> extends Described<Label> {
  readonly type: 'histogram';
  /** Inclusive upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

export type Instrument<Label extends string = string> =
  NumberInstrument<Label> | HistogramInstrument<Label>;

function counter<const Labels extends readonly string[]>(
  name: string,
  help: string,
  ...labelNames: Labels
): NumberInstrument<Labels[number]> {
  return { type: 'counter', name, help, labelNames };
}

function gauge<const Labels extends readonly string[]>(
  name: string,
  help: string,
  ...labelNames: Labels
): NumberInstrument<Labels[number]> {
  return { type: 'gauge', name, help, labelNames };
}

function histogram<const Labels extends readonly string[]>(
  name: string,
  help: string,
  buckets: readonly number[],
  ...labelNames: Labels
): HistogramInstrument<Labels[number]> {
  return { type: 'histogram', name, help, buckets, labelNames };
}

const FLUSH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const GC_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

export const LEDGER_STATES = [
  'accepted',
  'delivered',
  'queued',
  'dead_lettered',
  'purged',
  'corrupt',
  'expired',
] as const;

/** Every metric of GoTrack. `docs/metrics.md` says the same at more length. */
export const INSTRUMENTS = {
  eventsIngested: counter(
    'gotrack_events_ingested_total',
    'Events a sink has durably confirmed.',
    'sink',
  ),
  sinkErrors: counter(
    'gotrack_sink_errors_total',
    'Failed attempts to write a batch to a sink.',
    'sink',
    'error_type',
  ),
  queueDepth: gauge(
    'gotrack_queue_depth',
    'Events accepted and not yet confirmed by the sink.',
    'sink',
  ),
  batchFlushLatency: histogram(
    'gotrack_batch_flush_latency_seconds',
    'Duration of each attempt to write a batch, failed ones too.',
    FLUSH_SECONDS,
    'sink',
  ),
  httpRequests: counter(
    'gotrack_http_requests_total',
    'Requests that reached the collector; status 499 when the client went away.',
    'endpoint',
    'method',
    'status',
  ),
  httpDuration: histogram(
    'gotrack_http_duration_seconds',
    'From the end of the request headers to the end of the response.',
    REQUEST_SECONDS,
    'endpoint',
    'method',
  ),

  eventsReceived: counter(
    'gotrack_events_received_total',
    'Events parsed from a body or a pixel; the sum of accepted, rejected, refused and dropped.',
    'endpoint',
  ),
  eventsAccepted: counter(
    'gotrack_events_accepted_total',
    'Events durable in the queue.',
    'endpoint',
  ),
  eventsSpilled: counter(
    'gotrack_events_spilled_total',
    'Events answered as accepted on the local disk alone, because their topic did not confirm in time; they are forwarded later.',
  ),
  eventsRejected: counter('gotrack_events_rejected_total', 'Invalid events.', 'endpoint', 'reason'),
  eventsRefused: counter(
    'gotrack_events_refused_total',
    'Valid events that could not be taken.',
    'endpoint',
    'reason',
  ),
  eventsDropped: counter(
    'gotrack_events_dropped_total',
    'Valid events that the operator asked to drop.',
    'reason',
  ),
  requestsDenied: counter(
    'gotrack_requests_denied_total',
    'Requests turned away before their events were parsed.',
    'reason',
  ),
  sourceEventsAccepted: counter(
    'gotrack_source_events_accepted_total',
    'Events durable in the queue, by the source whose key they came with.',
    'source',
  ),
  botEvents: counter(
    'gotrack_bot_events_total',
    'Valid events, taken or dropped, by what their sender is thought to be.',
    'verdict',
  ),
  enrichmentErrors: counter(
    'gotrack_enrichment_errors_total',
    'Errors of a step of the enrichment; the event is stored without what the step adds.',
    'step',
  ),
  rejectedDiscarded: counter(
    'gotrack_rejected_discarded_total',
    'Rejected events no longer kept for diagnosis, because newer ones took their place.',
  ),
  eventsDeadLettered: counter(
    'gotrack_events_dead_lettered_total',
    'Events a sink refused for what they contain, now in its dead letters.',
    'sink',
    'reason',
  ),
  eventsReplayed: counter(
    'gotrack_events_replayed_total',
    'Dead letters queued for their sink again; under sink="rejected", rejected events that were valid when tried again.',
    'sink',
  ),
  eventsDuplicate: counter(
    'gotrack_events_duplicate_total',
    'Confirmed events that the sink already had.',
    'sink',
  ),

  ledgerEvents: gauge(
    'gotrack_ledger_events',
    'What became of the events accepted for a sink, restarts included; accepted is the sum of the other states.',
    'sink',
    'state',
  ),

  fleetEvents: gauge(
    'gotrack_fleet_events',
    'The same for all instances that share the queue; each of them says it, so take the maximum, not the sum.',
    'sink',
    'state',
  ),
  fleetOldestEventAge: gauge(
    'gotrack_fleet_oldest_event_age_seconds',
    'Age of the oldest event in the shared queue that the sink has not confirmed; 0 when there is none.',
    'sink',
  ),
  queuePartitions: gauge('gotrack_queue_partitions', 'Partitions of the shared queue.'),
  queuePartitionsOwned: gauge(
    'gotrack_queue_partitions_owned',
    'Partitions of the shared queue that this instance reads for the sink.',
    'sink',
  ),
  queueRetention: gauge(
    'gotrack_queue_retention_seconds',
    'How long the shared queue keeps an event; absent when that is for ever.',
  ),

  sinkRetries: counter(
    'gotrack_sink_retries_total',
    'Batches tried again after a failure.',
    'sink',
  ),
  sinkUp: gauge('gotrack_sink_up', '1 when the sink works, 0 when it is down.', 'sink'),
  sinkLastSuccess: gauge(
    'gotrack_sink_last_success_timestamp_seconds',
    'When the sink last confirmed a batch; start of the process until it has.',
    'sink',
  ),

  queueBytes: gauge('gotrack_queue_bytes', 'Disk space that the queue takes.'),
  queueCapacity: gauge('gotrack_queue_capacity_bytes', 'Disk space that the queue may take.'),
  queueFilesystemAvailable: gauge(
    'gotrack_queue_filesystem_available_bytes',
    "Free space on the queue's file system.",
  ),
  queueOldestEventAge: gauge(
    'gotrack_queue_oldest_event_age_seconds',
    'Age of the oldest event the sink has not confirmed; 0 when there is none.',
    'sink',
  ),
  queueCommitDuration: histogram(
    'gotrack_queue_commit_duration_seconds',
    'Duration of each successful write and sync of the queue.',
    COMMIT_SECONDS,
  ),
  queueCommitErrors: counter(
    'gotrack_queue_commit_errors_total',
    'Writes or syncs of the queue that failed.',
  ),
  queueCorruptRecords: counter(
    'gotrack_queue_corrupt_records_total',
    'Damaged events found in the queue and set aside.',
  ),

  buildInfo: gauge('gotrack_build_info', 'Always 1.', 'version', 'revision'),

  tlsNotAfter: gauge(
    'gotrack_tls_certificate_not_after_timestamp_seconds',
    'Until when the certificate is valid that the server uses; absent for a server without TLS.',
    'server',
  ),
  tlsLastReload: gauge(
    'gotrack_tls_last_reload_successful',
    '1 when the server uses what is in its certificate files, 0 when that cannot be used and what was there before stays.',
    'server',
  ),

  eventsByCountry: counter(
    'gotrack_events_by_country_total',
    'Events durable in the queue, by the country that they came from; none when it is not known.',
    'country',
  ),
  geoDatabaseBuilt: gauge(
    'gotrack_geo_database_build_timestamp_seconds',
    'When the database of places was made that is in use; of several, the oldest.',
  ),
  geoDatabaseLastReload: gauge(
    'gotrack_geo_database_last_reload_successful',
    '1 when what is in the files of GEOIP_DB is in use, 0 when one cannot be used and what it held before stays.',
  ),

  processCpu: counter(
    'process_cpu_seconds_total',
    'User and system CPU time of the process, all its threads.',
  ),
  processResidentMemory: gauge('process_resident_memory_bytes', 'Resident memory.'),
  processVirtualMemory: gauge('process_virtual_memory_bytes', 'Virtual memory.'),
  processOpenFds: gauge('process_open_fds', 'Open file descriptors.'),
  processMaxFds: gauge('process_max_fds', 'Soft limit of open file descriptors.'),
  processStartTime: gauge('process_start_time_seconds', 'When the process started.'),

  heapTotal: gauge('nodejs_heap_size_total_bytes', 'Heap that V8 has reserved.'),
  heapUsed: gauge('nodejs_heap_size_used_bytes', 'Heap in use.'),
  heapLimit: gauge('nodejs_heap_size_limit_bytes', 'Heap at which V8 gives up.'),
  externalMemory: gauge(
    'nodejs_external_memory_bytes',
    'Memory outside the heap that JavaScript objects hold, buffers included.',
  ),
  heapSpaceTotal: gauge(
    'nodejs_heap_space_size_total_bytes',
    'Reserved part of a heap space.',
    'space',
  ),
  heapSpaceUsed: gauge('nodejs_heap_space_size_used_bytes', 'Used part of a heap space.', 'space'),
  heapSpaceAvailable: gauge(
    'nodejs_heap_space_size_available_bytes',
    'Free part of a heap space.',
    'space',
  ),
  activeResources: gauge(
    'nodejs_active_resources',
    'Handles, requests and timers that keep the event loop alive.',
    'type',
  ),
  eventLoopLag: histogram(
    'nodejs_eventloop_lag_seconds',
    'How late a timer fires, sampled every 20 ms.',
    LAG_SECONDS,
  ),
  eventLoopLagP50: gauge(
    'nodejs_eventloop_lag_p50_seconds',
    'Median lag of the last 500 samples, about 10 s.',
  ),
  eventLoopLagP99: gauge(
    'nodejs_eventloop_lag_p99_seconds',
    '99th percentile of the lag of the last 500 samples, about 10 s.',
  ),
  gcDuration: histogram(
    'nodejs_gc_duration_seconds',
    'Duration of garbage collections.',
    GC_SECONDS,
    'kind',
  ),
  versionInfo: gauge('nodejs_version_info', 'Always 1.', 'version', 'major', 'minor', 'patch'),

  scrapes: counter(
    'promhttp_metric_handler_requests_total',
    'Scrapes by HTTP status code.',
    'code',
  ),
  scrapesInFlight: gauge('promhttp_metric_handler_requests_in_flight', 'Scrapes being served now.'),
};
