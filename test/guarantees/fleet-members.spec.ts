import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { BATCH_EVENTS, expectSettled, Fleet } from '../support/fleet/fleet.js';
import type { Member } from '../support/fleet/member.js';
import { until } from '../support/servers/collector.js';
import { KafkaCluster } from '../support/servers/kafka-cluster.js';
import { isFull, runs } from './runs.js';

const SOME = runs(200, 4000);

const started = await KafkaCluster.start();
afterAll(() => started?.stop());

const cluster = (): KafkaCluster => started as KafkaCluster;

async function newFleet(settings: Parameters<typeof Fleet.create>[1] = {}): Promise<Fleet> {
  const fleet = await Fleet.create(cluster(), settings);
  onTestFinished(() => fleet.stop());
  return fleet;
}

/** One member that has delivered the first events. */
async function newSettled(
  settings: Parameters<typeof Fleet.create>[1],
): Promise<{ readonly fleet: Fleet; readonly member: Member }> {
  const fleet = await newFleet(settings);
  const member = fleet.member('one');
  await fleet.shared([member]);
  await fleet.feed().send(SOME);
  await expectSettled(fleet, [member]);
  return { fleet, member };
}

async function holds(fleet: Fleet, member: Member, reason: string): Promise<boolean> {
  return (await fleet.statesOf([member])).every(({ holding }) => holding?.includes(reason));
}

/** Two members that share the topic, under load. */
async function newPair(
  settings: Parameters<typeof Fleet.create>[1] = {},
): Promise<{ readonly fleet: Fleet; readonly first: Member; readonly second: Member }> {
  const fleet = await newFleet(settings);
  const [first, second] = [fleet.member('one'), fleet.member('two')];
  await fleet.shared([first, second]);
  fleet.feed().start();
  await fleet.moreDelivered(SOME);
  return { fleet, first, second };
}

describe.skipIf(!started)('members of a fleet', () => {
  it('are stopped and started in turn: no partition of another moves, nothing comes twice', async () => {
    const { fleet, first, second } = await newPair({ sessionMs: 60_000 });
    const ownedBy = async (member: Member): Promise<unknown> =>
      (await member.state())['file']?.owned.toSorted();
    const before = [await ownedBy(first), await ownedBy(second)];

    for (const [member, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const otherOwns = await ownedBy(other);
      await member.stop();
      await fleet.moreDelivered(BATCH_EVENTS);
      expect(await ownedBy(other)).toEqual(otherOwns);
      member.start();
      await fleet.shared([first, second]);
      await fleet.moreDelivered(SOME);
    }

    expect([await ownedBy(first), await ownedBy(second)]).toEqual(before);
    await expectSettled(fleet, [first, second]);
    expect(fleet.repeats()).toBe(0);
    expect(first.log + second.log).not.toContain('has no committed offset');
  });

  if (isFull) {
    it('lose nothing when one is killed, and repeat its batch in hand at most', async () => {
      const { fleet, first, second } = await newPair();
      await first.stop('SIGKILL');
      await fleet.shared([second]);
      await fleet.moreDelivered(SOME);
      first.start();
      await fleet.shared([first, second]);
      await fleet.moreDelivered(SOME);
      await expectSettled(fleet, [first, second]);
      expect(fleet.repeats()).toBeLessThanOrEqual(BATCH_EVENTS);
    });
  }

  it('take over from one that is frozen past its session, which comes back by itself', async () => {
    const { fleet, first, second } = await newPair();
    first.signal('SIGSTOP');
    await fleet.shared([second]);
    await fleet.moreDelivered(SOME);
    first.signal('SIGCONT');
    await fleet.shared([first, second]);
    await fleet.moreDelivered(SOME);
    await expectSettled(fleet, [first, second]);
    expect(fleet.repeats()).toBeLessThanOrEqual(BATCH_EVENTS);
  });

  it('read partitions that are added under load, and repeat nothing for it', async () => {
    const { fleet, first, second } = await newPair();
    await cluster().addPartitions(fleet.topic, 12);
    await fleet.shared([first, second], 12);
    // It knows the new ones.
    await fleet.feed().send(SOME);
    await fleet.moreDelivered(SOME);
    await expectSettled(fleet, [first, second]);
    const accepted = (await fleet.statesOf([first, second])).map(({ ledger }) => ledger.accepted);
    expect(accepted.reduce((a, b) => a + b)).toBe(fleet.sent.length);
    expect(fleet.repeats()).toBe(0);
  });

  it('join and are served while the sink of another is down', async () => {
    const fleet = await newFleet({ sinks: ['file', 'other'] });
    const first = fleet.member('one');
    await fleet.shared([first]);
    first.setDown('file', true);
    const feed = fleet.feed();
    feed.start();
    await fleet.moreDelivered(SOME, 'other');
    expect(fleet.delivered('file')).toEqual([]);

    const second = fleet.member('two');
    await fleet.shared([first, second]);
    await fleet.moreDelivered(SOME, 'file');
    await fleet.moreDelivered(SOME, 'other');
    first.setDown('file', false);
    await expectSettled(fleet, [first, second], 'file');
    await expectSettled(fleet, [first, second], 'other');
    expect(fleet.repeats('file')).toBe(0);
    expect(fleet.repeats('other')).toBeLessThanOrEqual(BATCH_EVENTS);
  });

  it('count exactly what retention has deleted before they read it, and continue after it', async () => {
    const fleet = await newFleet({ partitions: 3 });
    const member = fleet.member('one');
    await fleet.shared([member]);
    const feed = fleet.feed();
    await feed.send(SOME);
    await until(() => fleet.delivered().length >= SOME);
    await until(async () => (await fleet.statesOf([member])).every(({ depth }) => depth === 0));
    await member.stop();

    const committed = (await fleet.watches[0]?.read()) ?? new Map<number, number>();
    await feed.send(SOME);
    const starts = Array.from(
      committed,
      ([partition, offset]) => [partition, offset + 20 + partition] as const,
    );
    await cluster().deleteRecordsBefore(fleet.topic, new Map(starts));
    member.start();
    await fleet.shared([member]);
    await until(async () => (await fleet.statesOf([member])).every(({ depth }) => depth === 0));

    const [state] = await fleet.statesOf([member]);
    const gone = starts.reduce((sum, [partition]) => sum + 20 + partition, 0);
    expect(state?.progress.expired).toBe(gone);
    expect(state?.ledger).toMatchObject({
      accepted: fleet.sent.length,
      expired: gone,
      delivered: fleet.sent.length - gone,
    });
    expect(new Set(fleet.delivered()).size).toBe(fleet.sent.length - gone);
    expect(fleet.repeats()).toBe(0);
    expect(member.log).toMatch(/20 event\(s\) of partition 0 have expired/);
  });

  if (isFull) {
    it('begin where the sink began when the offsets of its group have expired, and say so', async () => {
      const fleet = await newFleet({ partitions: 3 });
      const member = fleet.member('one');
      await fleet.shared([member]);
      const feed = fleet.feed();
      await feed.send(SOME);
      await expectSettled(fleet, [member]);
      expect(member.log).not.toContain('has no committed offset');
      await member.stop();
      await Promise.all(fleet.watches.map((watch) => watch.stop()));
      await cluster().deleteGroup(`${fleet.groupPrefix}file`);
      await cluster().deleteRecordsBefore(fleet.topic, new Map([[0, 10]]));
      await feed.send(SOME);

      member.start();
      await fleet.shared([member]);
      await until(async () => (await fleet.statesOf([member])).every(({ depth }) => depth === 0));
      expect(member.log).toMatch(/has no committed offset of partition\(s\) 0, 1, 2.*Begins at/);
      const [state] = await fleet.statesOf([member]);
      expect(state?.ledger).toMatchObject({ accepted: fleet.sent.length, expired: 10 });
      const times = Map.groupBy(fleet.delivered(), (event) => event);
      expect(fleet.sent.filter((event) => !times.has(event))).toEqual([]);
      expect(fleet.repeats()).toBe(SOME - 10);
    });
  }

  it('hold when the topic is deleted and made again, and say so', async () => {
    const { fleet, member } = await newSettled({ partitions: 3 });
    await Promise.all(fleet.watches.map((watch) => watch.stop()));
    await cluster().deleteTopic(fleet.topic);
    await cluster().createTopic(fleet.topic, { partitions: 3 });
    const feed = fleet.feed();
    await feed.send(100);
    await until(() => holds(fleet, member, 'was deleted and made again'));
    expect(fleet.delivered().filter((event) => feed.sent.includes(event))).toEqual([]);

    await member.stop();
    member.start();
    await until(() => {
      const there = new Set(fleet.delivered());
      return feed.sent.every((event) => there.has(event));
    });
    expect(fleet.repeats()).toBe(0);
  });

  if (isFull) {
    it('hold where a log ends before what was read of it, and say so', async () => {
      const { fleet, member } = await newSettled({ partitions: 1 });
      await Promise.all(fleet.watches.map((watch) => watch.stop()));
      const setOffset = async (offset: number): Promise<void> => {
        await member.stop();
        await cluster().setOffset(`${fleet.groupPrefix}file`, fleet.topic, 0, offset);
        member.start();
      };
      // To a reader, a log that was cut and an offset behind its end are the same.
      await setOffset(SOME + 5);
      const isHeld = (): Promise<boolean> => holds(fleet, member, 'its log was cut');
      await until(isHeld);
      await fleet.feed().send(SOME);
      await setTimeout(2000);
      expect(await isHeld()).toBe(true);
      expect(fleet.delivered()).toHaveLength(SOME);

      await setOffset(SOME);
      await until(() => fleet.delivered().length === 2 * SOME);
      expect(new Set(fleet.delivered())).toEqual(new Set(fleet.sent));
    });
  }

  it('hold when another takes part under the same id, and say so', async () => {
    const fleet = await newFleet();
    const first = fleet.member('one');
    await fleet.shared([first]);
    const second = fleet.member('one');
    await fleet.shared([second]);
    await until(() => holds(fleet, first, 'INSTANCE_ID'));
    await fleet.feed().send(SOME);
    await expectSettled(fleet, [second]);
    expect((await fleet.statesOf([first]))[0]?.owned).toEqual([]);
    expect(fleet.repeats()).toBe(0);
  });

  if (isFull) {
    it('lose nothing when brokers end one after the other, the coordinator too', async () => {
      const { fleet, first, second } = await newPair();
      for (const index of [0, 1, 2]) {
        await cluster().kill(index);
        await fleet.moreDelivered(SOME);
        cluster().start(index);
        await cluster().complete(fleet.topic);
      }
      await expectSettled(fleet, [first, second]);
      expect(fleet.repeats()).toBeLessThanOrEqual(BATCH_EVENTS);
    });
  }
});
