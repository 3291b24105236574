import { expect } from 'vitest';
import { readOptions } from '../../src/config/read-options.js';
import type { StoredEvent } from '../../src/event/stored-event.js';
import { KafkaConnectionOptions } from '../../src/kafka/kafka-connection.options.js';
import { KafkaSink } from '../../src/sinks/kafka/kafka-sink.js';
import { KafkaOptions } from '../../src/sinks/kafka/kafka.options.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';

export type Variables = Readonly<Record<string, string>>;

/** The sink as these variables configure it; an empty one is none. */
export function kafkaSinkOf(broker: KafkaBroker, variables: Variables): KafkaSink {
  const all = { KAFKA_BROKERS: broker.address(), ...variables };
  const given = new Map(
    Object.entries(all)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, { text, source: 'environment' }] as const),
  );
  const connection = readOptions(KafkaConnectionOptions, given, '.');
  const own = readOptions(KafkaOptions, given, '.');
  expect([...connection.faults, ...own.faults]).toEqual([]);
  return new KafkaSink(connection.options, own.options);
}

/** As a lane does it. */
export async function writeUntilDone(
  sink: KafkaSink,
  batch: readonly StoredEvent[],
): Promise<void> {
  await expect.poll(() => sink.write(batch).then(() => 'done', String)).toBe('done');
}
