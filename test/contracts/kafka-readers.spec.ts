import { describe, expect, it } from 'vitest';
import { KafkaHarness } from '../support/disk/kafka-harness.js';
import {
  checkAgainstModel,
  READERS_COMMANDS,
  READERS_EXAMPLES,
  READERS_HAS_TO_HAPPEN,
} from '../support/disk/queue-arbitraries.js';
import { tally } from '../support/disk/queue-model.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import { sharedKafka } from '../support/servers/shared-servers.js';
import { describeReaders } from './queue-contract.js';

const broker = await sharedKafka();

describe.skipIf(!broker)('Kafka', () => {
  const createHarness = (): Promise<KafkaHarness> => KafkaHarness.create(broker as KafkaBroker);

  describeReaders('a topic', createHarness);

  it('behaves like a list with one place for each sink, whatever comes', async () => {
    await checkAgainstModel(createHarness, READERS_COMMANDS, {
      numRuns: 5,
      examples: READERS_EXAMPLES,
    });
    expect(tally.missing(READERS_HAS_TO_HAPPEN)).toEqual([]);
  });
});
