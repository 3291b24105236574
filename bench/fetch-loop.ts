// Reads all of a topic, with as much of it asked for at once as GoTrack does, and does nothing with it, or makes it durable
// in a file: what remains of delivery without accounting, commits and a group. A process of its own; prints figures as
// JSON. Arguments: the topic, how many events come before the ones that are counted, and the file.
import { type FileHandle, open } from 'node:fs/promises';
import { loadOptions } from '../src/config/load-options.js';
import { Cluster } from '../src/kafka/cluster.js';
import { KafkaConnectionOptions } from '../src/kafka/kafka-connection.options.js';
import { FETCH_BOUNDS } from '../src/queueing/kafka/fetcher.js';
import { fetchRecords, offsetsAt } from '../src/queueing/kafka/topic-calls.js';

/** As many as a lane delivers at once. */
const LINES = 500;
const NEWLINE = Buffer.from('\n');

export interface Fetched {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const [name = '', first = '0', path] = process.argv.slice(2);
const file = path === undefined ? undefined : await open(path, 'a');
const cluster = new Cluster(loadOptions(KafkaConnectionOptions));
const topic = await cluster.topic(name);
const all = topic.partitions.map((_, partition) => partition);
const ends = await offsetsAt(cluster, name, topic, all, 'latest');
const byLeader = Map.groupBy(all, (partition) => topic.partitions[partition]?.leader ?? 0);
let read = 0;
let start = sample();
await Promise.all(Array.from(byLeader, ([leader, partitions]) => readAll(leader, partitions)));
const end = sample();
const fetched: Fetched = {
  events: end.events - start.events,
  seconds: end.seconds - start.seconds,
  cpuSeconds: end.cpuSeconds - start.cpuSeconds,
};
console.log(JSON.stringify(fetched));
cluster.close();
await file?.close();

function sample(): Fetched {
  const { user, system } = process.cpuUsage();
  return { events: read, seconds: performance.now() / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function readAll(leader: number, partitions: readonly number[]): Promise<void> {
  const offsets = new Map(partitions.map((partition) => [partition, 0]));
  for (;;) {
    const wanted = [...offsets]
      .filter(([partition, offset]) => offset < (ends.get(partition) ?? 0))
      .map(([partition, offset]) => ({ partition, offset }));
    if (wanted.length === 0) {
      return;
    }
    for (const { partition, batches } of await fetchRecords(
      cluster,
      leader,
      topic.id,
      wanted,
      FETCH_BOUNDS,
    )) {
      for (const { firstOffset, lastOffsetDelta, records } of batches) {
        read += records.length;
        if (read <= Number(first)) {
          start = sample();
        }
        if (file) {
          await write(
            file,
            records.flatMap(({ value }) => value ?? []),
          );
        }
        offsets.set(partition, Number(firstOffset) + lastOffsetDelta + 1);
      }
      // Whose turn it was comes last.
      const next = offsets.get(partition) ?? 0;
      offsets.delete(partition);
      offsets.set(partition, next);
    }
  }
}

async function write(to: FileHandle, values: readonly Buffer[]): Promise<void> {
  for (let from = 0; from < values.length; from += LINES) {
    const lines = values.slice(from, from + LINES).flatMap((value) => [value, NEWLINE]);
    await to.appendFile(Buffer.concat(lines));
    await to.datasync();
  }
}
