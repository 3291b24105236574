import type { Account, Progress } from '../event-queue.js';
import type { Advance } from './backlog.js';
import type { CommittedOffset } from './coordinator.js';
import {
  decodeAccount,
  encodeAccount,
  newAccount,
  type PartitionAccount,
} from './partition-account.js';

/** A partition that is this member's own, as its group has it. */
export interface OwnedPartition {
  committed: number;
  /** Offset after its last record, as far as it is known. */
  end: number;
  account: PartitionAccount;
}

export type OwnedPartitions = ReadonlyMap<number, OwnedPartition>;

/** How many more settled events are in the dead letters, and deleted from them; negative when they are queued again. */
export interface AccountDelta {
  readonly dead: number;
  readonly purged: number;
}

export type PartitionChange = Pick<OwnedPartition, 'committed' | 'account'>;

/** @param start where the sink begins there */
export function partitionAt(
  topicId: string,
  start: number,
  found: CommittedOffset | undefined,
): OwnedPartition & { readonly isNew: boolean } {
  const account = decodeAccount(found?.metadata ?? null);
  // The offset may be that of a topic which is gone.
  if (found === undefined || (account?.topicId ?? topicId) !== topicId) {
    return { committed: start, end: start, account: newAccount(topicId, start), isNew: true };
  }
  const { offset } = found;
  const own = account ?? newAccount(topicId, Math.min(start, offset));
  return { committed: offset, end: offset, account: own, isNew: false };
}

export function progressOf(partitions: OwnedPartitions): Required<Progress> {
  const all = [...partitions.values()];
  return {
    accepted: sum(all, ({ end, account }) => end - account.start),
    settled: sum(all, ({ committed, account }) => committed - account.start),
    corrupt: sum(all, ({ account }) => account.skipped),
    expired: sum(all, ({ account }) => account.expired),
  };
}

export function accountOf(partitions: OwnedPartitions): Pick<Account, 'deadLettered' | 'purged'> {
  const all = [...partitions.values()];
  return {
    deadLettered: sum(all, ({ account }) => account.dead),
    purged: sum(all, ({ account }) => account.purged),
  };
}

/** What has to be committed so that both are counted, by partition; the change of the account goes where something is committed anyway. */
export function changesOf(
  partitions: OwnedPartitions,
  advances: ReadonlyMap<number, Advance>,
  delta: AccountDelta,
): ReadonlyMap<number, PartitionChange> {
  const changes = new Map<number, PartitionChange>();
  for (const [partition, { offset, skipped, expired }] of advances) {
    const owned = partitions.get(partition);
    if (owned) {
      const { account } = owned;
      changes.set(partition, {
        committed: offset,
        account: {
          ...account,
          skipped: account.skipped + skipped,
          expired: account.expired + expired,
        },
      });
    }
  }
  for (const fate of ['dead', 'purged'] as const) {
    addTo(changes, partitions, fate, delta[fate]);
  }
  return changes;
}

export function toCommit(
  changes: ReadonlyMap<number, PartitionChange>,
): ReadonlyMap<number, CommittedOffset> {
  return new Map(
    Array.from(changes, ([partition, { committed, account }]) => [
      partition,
      { offset: committed, metadata: encodeAccount(account) },
    ]),
  );
}

/** More goes to one partition; less is taken from those that have some. Without a partition nothing is counted. */
function addTo(
  changes: Map<number, PartitionChange>,
  partitions: OwnedPartitions,
  fate: 'dead' | 'purged',
  delta: number,
): void {
  let left = delta;
  for (const partition of new Set([...changes.keys(), ...partitions.keys()])) {
    const current = changes.get(partition) ?? partitions.get(partition);
    if (left === 0 || !current) {
      return;
    }
    const { committed, account } = current;
    const part = left > 0 ? left : -Math.min(-left, account[fate]);
    if (part !== 0) {
      changes.set(partition, { committed, account: { ...account, [fate]: account[fate] + part } });
      left -= part;
    }
  }
}

function sum(
  partitions: readonly OwnedPartition[],
  of: (partition: OwnedPartition) => number,
): number {
  return partitions.reduce((total, partition) => total + of(partition), 0);
}
