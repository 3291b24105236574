import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { Workplace } from '../support/servers/collector.js';
import { EventsTable } from '../support/servers/events-table.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import { ENDPOINTS } from '../support/load/mixed-load.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedKafka, sharedPostgres } from '../support/servers/shared-servers.js';
import { Random } from '../support/load/random.js';
import { TopicTally } from '../support/load/topic-tally.js';
import { MOMENTS } from './crash-moments.js';
import { CrashRun, missing, SINKS, type SinkName } from './crash-run.js';
import { runs } from './runs.js';

/** In each round, the first kills come while PostgreSQL refuses what is bad, the others once it takes it. */
const ROUNDS = runs(1, 25);
const KILLS = { refusing: 12, taking: 8 };
const SEED = Number(process.env['CRASHES_SEED'] ?? Date.now() % 1_000_000);

/** Of the log and of Kafka, which have the repetitions; so small that most batches are full. */
const BATCH_SIZE = 10;

const [postgres, kafka] = await Promise.all([sharedPostgres(), sharedKafka()]);
afterAll(() => Promise.all([postgres?.stop(), kafka?.stop()]));

const database = (): PostgresServer => postgres as PostgresServer;
const broker = (): KafkaBroker => kafka as KafkaBroker;

let workplace: Workplace;
let table: EventsTable;
let topic: string;
let environment: Record<string, string>;

beforeEach(async () => {
  workplace = await Workplace.create();
  topic = uniqueName('crashes');
  table = await EventsTable.create(database(), 'crashes');
  environment = {
    OUTPUTS: SINKS.join(),
    PG_DSN: database().dsn,
    PG_TABLE: table.name,
    PG_BATCH_SIZE: '10',
    PG_FLUSH_MS: '10',
    KAFKA_BROKERS: broker().address(),
    KAFKA_TOPIC: topic,
    BATCH_SIZE: String(BATCH_SIZE),
    FLUSH_INTERVAL_MS: '10',
    LOG_ROTATE_MB: '1',
    QUEUE_MAX_MB: '16',
  };
});

afterEach(async () => {
  await workplace.remove();
  await table.drop();
});

/**
 * How many more than a batch each any processes in a row have repeated. A record that was under way when its process
 * was killed may be counted for the next one.
 */
function excess(repeated: readonly number[]): number {
  let [most, current] = [0, 0];
  for (const count of repeated) {
    current = Math.max(0, current + count - BATCH_SIZE);
    most = Math.max(most, current);
  }
  return most;
}

describe.skipIf(!postgres || !kafka)('kill -9', () => {
  it(
    'at any moment loses nothing for any sink, and repeats at most a batch',
    { timeout: 3_600_000 },
    async () => {
      onTestFailed(() => {
        process.stderr.write(`kills as planned by CRASHES_SEED=${SEED}\n`);
      });
      const tally = new TopicTally(broker(), topic, 3);
      await tally.create();
      const crashes = new CrashRun(new Random(SEED), workplace, environment, tally, table);
      for (let round = 1; round <= ROUNDS; round += 1) {
        await table.refuseBad();
        await crashes.crash(KILLS.refusing, round, true);
        await crashes.balance({ replaying: false });
        await table.takeBad();
        await crashes.crash(KILLS.taking, round, false);
        await crashes.balance({ replaying: true });
      }
      for (const { exitCode, stderr } of await crashes.errandsDone) {
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      }

      const { sent, acknowledged, log, kills } = crashes;
      const [rows, repeatedInTopic] = [await table.ids(), await tally.count()];
      const found: Record<SinkName, ReadonlySet<string>> = {
        log: new Set(log.copies.keys()),
        kafka: new Set(tally.copies.keys()),
        postgres: new Set(rows),
      };
      for (const sink of SINKS) {
        expect(missing(acknowledged, found[sink]), `acknowledged, not in ${sink}`).toEqual([]);
        expect(missing(found[sink], sent), `in ${sink}, never sent`).toEqual([]);
        expect(found[sink].size).toBe(log.copies.size);
      }
      const repeated = {
        log: log.lines - found.log.size,
        kafka: repeatedInTopic.reduce((sum, count) => sum + count, 0),
        postgres: rows.length - found.postgres.size,
      };
      process.stdout.write(
        `${kills} kills (${crashes.moments}), ${acknowledged.size} events acknowledged, ` +
          `${log.copies.size} accepted, written again: ${JSON.stringify(repeated)}\n`,
      );
      expect(repeated.postgres).toBe(0);
      expect(repeated.kafka).toBeLessThanOrEqual(kills * BATCH_SIZE);
      expect(excess(repeatedInTopic)).toBeLessThanOrEqual(BATCH_SIZE);

      // It happened as it was meant.
      expect(crashes.unexpected).toEqual([]);
      for (const endpoint of ENDPOINTS) {
        expect(crashes.acknowledgedBy[endpoint]).toBeGreaterThan(kills);
      }
      expect(kills).toBeGreaterThanOrEqual(ROUNDS * (KILLS.refusing + KILLS.taking));
      for (const name of MOMENTS) {
        expect(crashes.hits.get(name), `kills in ${name}`).toBeGreaterThanOrEqual(ROUNDS);
      }
    },
  );
});
