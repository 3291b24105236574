import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until, Workplace } from '../support/collector.js';
import { Load } from '../support/load.js';

const KILLS = 20;
const BATCH_SIZE = 50;

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

describe('kill -9', () => {
  it('loses nothing that was answered, and invents nothing, 20 times at random moments', async () => {
    const environment = {
      BATCH_SIZE: String(BATCH_SIZE),
      FLUSH_INTERVAL_MS: '20',
      LOG_ROTATE_MB: '1',
      QUEUE_MAX_MB: '8',
    };
    const sent = new Set<string>();
    const acknowledged = new Set<string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const collector = await workplace.start(environment);
      const load = new Load(collector.port, `k${kill}`);
      load.start(16);
      await until(() => load.acknowledged.size > 0);
      await sleep(Math.random() * 300);
      await collector.kill();
      await load.stop();
      for (const id of load.sent) {
        sent.add(id);
      }
      for (const id of load.acknowledged) {
        acknowledged.add(id);
      }
    }

    const collector = await workplace.start(environment);
    await collector.drained();
    const delivered = (await workplace.logged()).map(({ event_id }) => event_id);
    const unique = new Set(delivered);
    expect([...acknowledged].filter((id) => !unique.has(id))).toEqual([]);
    expect([...unique].filter((id) => !sent.has(id))).toEqual([]);
    expect(delivered.length - unique.size).toBeLessThanOrEqual(KILLS * BATCH_SIZE);
    expect(acknowledged.size).toBeGreaterThan(KILLS);

    const ledger = await collector.metrics();
    const state = (name: string): number =>
      ledger.find(({ labels }) => labels['state'] === name)?.value ?? Number.NaN;
    expect(state('accepted')).toBe(unique.size);
    expect(state('delivered')).toBe(unique.size);
    expect([state('queued'), state('dead_lettered'), state('corrupt')]).toEqual([0, 0, 0]);
  });
});
