import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions, type Claimant } from './assign-partitions.js';

function member(key: string, owned: readonly number[] = [], generation = 1): Claimant {
  return { id: `${key}-id`, key, owned, generation };
}

const sharesOf = (partitions: number, members: readonly Claimant[]): Record<string, number[]> =>
  Object.fromEntries(
    Array.from(assignPartitions(partitions, members), ([id, own]) => [
      id.replace('-id', ''),
      [...own],
    ]),
  );

describe('assignPartitions', () => {
  it('shares partitions out in turn, by the order of the keys', () => {
    expect(sharesOf(5, [member('b'), member('a')])).toEqual({ a: [0, 2, 4], b: [1, 3] });
  });

  it('moves as few as it can to a member that is new', () => {
    const members = [member('a', [0, 2, 4]), member('b', [1, 3, 5]), member('c')];
    expect(sharesOf(6, members)).toEqual({ a: [0, 2], b: [1, 3], c: [4, 5] });
  });

  it('gives those of a member that is gone to the others, which keep theirs', () => {
    const members = [member('a', [0, 3]), member('c', [2, 5])];
    expect(sharesOf(6, members)).toEqual({ a: [0, 3, 1], c: [2, 5, 4] });
  });

  it('gives new partitions away, and moves no other', () => {
    const members = [member('a', [0, 2]), member('b', [1, 3])];
    expect(sharesOf(8, members)).toEqual({ a: [0, 2, 4, 6], b: [1, 3, 5, 7] });
  });

  it('believes the later of two claims', () => {
    const frozen = member('a', [0, 1], 4);
    expect(sharesOf(2, [frozen, member('b', [0], 5)])).toEqual({ a: [1], b: [0] });
  });

  it('leaves a member without partitions when there are too few', () => {
    expect(sharesOf(1, [member('a'), member('b', [0])])).toEqual({ a: [], b: [0] });
  });

  it('gives each partition to one member, evenly, whatever they claim', () => {
    const claimant = fc.record({
      key: fc.uuid(),
      owned: fc.uniqueArray(fc.nat({ max: 40 })),
      generation: fc.integer({ min: -1, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: 30 }),
        fc.uniqueArray(claimant, { minLength: 1, maxLength: 6, selector: ({ key }) => key }),
        (partitions, claimants) => {
          const members = claimants.map((one) => ({ ...one, id: one.key }));
          const shares = [...assignPartitions(partitions, members).values()];
          expect(shares.flat().toSorted((a, b) => a - b)).toEqual(
            Array.from({ length: partitions }, (_, index) => index),
          );
          const sizes = shares.map(({ length }) => length);
          expect(shares).toHaveLength(members.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('changes nothing when all claim what they have', () => {
    fc.assert(
      fc.property(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 6 }), (partitions, count) => {
        const members = Array.from({ length: count }, (_, index) => member(`m${index}`));
        const shares = assignPartitions(partitions, members);
        const again = members.map(({ key, id }) => member(key, shares.get(id)));
        const sorted = (all: ReadonlyMap<string, readonly number[]>): unknown =>
          [...all].map(([id, own]) => [id, own.toSorted((a, b) => a - b)]);
        expect(sorted(assignPartitions(partitions, again))).toEqual(sorted(shares));
      }),
    );
  });
});
