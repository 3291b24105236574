/** A member of the group, as it describes itself when it joins. */
export interface Claimant {
  readonly id: string;
  /** Stays the same over its restarts; orders the members. */
  readonly key: string;
  /** Partitions that it had when it joined. */
  readonly owned: readonly number[];
  /** The assignment in which it got them: the latest claim counts. */
  readonly generation: number;
}

/**
 * Each partition to one member, as evenly as can be; a member keeps what it has as far as that allows, and what is free
 * goes around in turn.
 * @returns id → its partitions
 */
export function assignPartitions(
  partitions: number,
  claimants: readonly Claimant[],
): ReadonlyMap<string, readonly number[]> {
  const members = claimants.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const claims = claimsOf(partitions, members);
  const claimed = (id: string): readonly number[] => claims.get(id) ?? [];
  const most = members.toSorted((a, b) => claimed(b.id).length - claimed(a.id).length);
  const each = Math.floor(partitions / members.length);
  const quotas = new Map(
    most.map(({ id }, index) => [id, each + (index < partitions % members.length ? 1 : 0)]),
  );
  const kept = new Map(members.map(({ id }) => [id, claimed(id).slice(0, quotas.get(id))]));
  const taken = new Set([...kept.values()].flat());
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter(
    (partition) => !taken.has(partition),
  );
  while (free.length > 0) {
    for (const { id } of members) {
      const own = kept.get(id) ?? [];
      if (own.length < (quotas.get(id) ?? 0)) {
        kept.set(id, [...own, ...free.splice(0, 1)]);
      }
    }
  }
  return kept;
}

/** Id → the partitions that are its own by the latest claim, in order. */
function claimsOf(
  partitions: number,
  members: readonly Claimant[],
): ReadonlyMap<string, readonly number[]> {
  const owners = new Map<number, Claimant>();
  for (const member of members) {
    for (const partition of member.owned) {
      const other = owners.get(partition);
      if (partition < partitions && (!other || other.generation < member.generation)) {
        owners.set(partition, member);
      }
    }
  }
  return new Map(
    members.map((member) => [
      member.id,
      [...owners]
        .filter(([, owner]) => owner === member)
        .map(([partition]) => partition)
        .toSorted((a, b) => a - b),
    ]),
  );
}
