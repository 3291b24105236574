import { protocolErrors } from '@platformatic/kafka';
import { describe, expect, it, vi } from 'vitest';
import type { Cluster } from './cluster.js';
import { KafkaError } from './kafka-error.js';
import { CONTENT_CODES, PRODUCER_CODES } from './protocol-codes.js';
import { Producer } from './producer.js';

/** Answers each request for records with the next of these codes, and with 0 when there are no more. */
class FakeCluster {
  readonly codes: number[] = [];
  partitionCount = 1;
  asked = 0;
  producers = 0n;

  partitions(): Promise<object[]> {
    this.asked += 1;
    const partition = { leader: 1, replicas: 1, inSync: 1 };
    return Promise.resolve(Array.from({ length: this.partitionCount }, () => partition));
  }

  onSome(): Promise<object> {
    this.producers += 1n;
    return Promise.resolve({ producerId: this.producers, producerEpoch: 0 });
  }

  onBroker(): Promise<object> {
    const answer = { index: 0, errorCode: this.codes.shift() ?? 0, recordErrors: [] };
    return Promise.resolve({ responses: [{ partitionResponses: [answer] }] });
  }
}

function create(): { cluster: FakeCluster; producer: Producer<string> } {
  const cluster = new FakeCluster();
  const producer = new Producer<string>(
    cluster as unknown as Cluster,
    { topic: 'events', acks: -1, compression: 'none' },
    (value) => ({ key: undefined, value: Buffer.from(value), headers: new Map() }),
  );
  return { cluster, producer };
}

const codeOf = (name: string): number => protocolErrors[name]?.code ?? NaN;

const DONE = ['NONE', 'DUPLICATE_SEQUENCE_NUMBER'];
const CONTENT = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];
const retried = Object.values(protocolErrors).filter(
  ({ id }) => ![...DONE, ...CONTENT].includes(id),
);

describe('what the records cause', () => {
  // What a wrong topic, a lost right or a failing cluster causes would empty the queue into the dead letters.
  it('is that they are too large or invalid, and nothing else', () => {
    expect([...CONTENT_CODES].toSorted((a, b) => a - b)).toEqual([10, 18, 87]);
  });

  it('does not overlap with what takes a new producer', () => {
    expect([...CONTENT_CODES].filter((code) => PRODUCER_CODES.has(code))).toEqual([]);
  });
});

describe('Producer', () => {
  it.each(retried)(
    'refuses nothing for $code, $id, and writes the batch later',
    async ({ code }) => {
      const { cluster, producer } = create();
      const batch = ['a', 'b'];
      cluster.codes.push(code, code);

      for (const attempt of [1, 2]) {
        const failure = await producer.write(batch).catch((error: unknown) => error);
        expect(failure, `attempt ${attempt}`).toBeInstanceOf(KafkaError);
        expect(failure).toMatchObject({ code });
      }

      expect(await producer.write(batch)).toEqual(new Map());
      expect(cluster.codes).toEqual([]);
    },
  );

  it.each(CONTENT)('refuses single records for %s, and writes the others', async (name) => {
    const { cluster, producer } = create();
    const code = codeOf(name);
    // The batch, its first half, and what is in it.
    cluster.codes.push(code, code, 0, code);

    const refused = await producer.write(['a', 'b', 'c', 'd']);

    expect([...refused.keys()]).toEqual([1]);
    expect(refused.get(1)).toContain(`(${name}, error code ${code})`);
  });

  it('takes what the brokers have already for written', async () => {
    const { cluster, producer } = create();
    cluster.codes.push(codeOf('DUPLICATE_SEQUENCE_NUMBER'));

    expect(await producer.write(['a'])).toEqual(new Map());
  });

  it.each([...PRODUCER_CODES])('begins again with a new producer after %d', async (code) => {
    const { cluster, producer } = create();
    const batch = ['a'];
    cluster.codes.push(code);

    await producer.write(batch).catch(() => undefined);
    await producer.write(batch);

    expect(cluster.producers).toBe(2n);
  });

  it('asks for the partitions again after half a minute, and not for each batch', async () => {
    const { cluster, producer } = create();
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    try {
      await producer.write(['a']);
      await producer.write(['b']);
      expect(cluster.asked).toBe(1);

      now.mockReturnValue(31_000);
      await producer.write(['c']);
      await producer.write(['d']);
      expect(cluster.asked).toBe(2);
    } finally {
      now.mockRestore();
    }
  });

  it('sends a batch that is under way where it was going, though there are more partitions', async () => {
    const { cluster, producer } = create();
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    try {
      const batch = ['a', 'b', 'c', 'd', 'e'];
      cluster.codes.push(codeOf('REQUEST_TIMED_OUT'));
      await producer.write(batch).catch(() => undefined);
      cluster.partitionCount = 5;
      now.mockReturnValue(31_000);

      // The fake answers for partition 0 alone: it would not end if there were others.
      expect(await producer.write(batch)).toEqual(new Map());
    } finally {
      now.mockRestore();
    }
  });
});
