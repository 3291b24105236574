import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../event/stored-event.js';
import { RetryableSinkError } from '../sinks/sink.js';
import { Suspects } from './suspects.js';

const OVER_MS = 30_000;
const event: StoredEvent = { position: 7, json: Buffer.from('{}') };
const other: StoredEvent = { position: 9, json: Buffer.from('{}') };
const error = new RetryableSinkError('other', 'index row size exceeds maximum', { suspect: true });

let nowMs: number;
let acceptances: number;
let suspects: Suspects;

beforeEach(() => {
  nowMs = 1000;
  acceptances = 5;
  suspects = new Suspects(OVER_MS, () => nowMs);
});

const refuse = (refused = event): void => suspects.refused(refused, error, acceptances);
const later = (ms: number): void => {
  nowMs += ms;
};
const storeNeighbour = (): void => {
  acceptances += 1;
};
const guilty = (): number[] =>
  suspects.guilty(acceptances).map((suspect) => suspect.event.position);

describe('Suspects', () => {
  it('finds an event at fault after three refusals over the time, a neighbour stored after each', () => {
    for (const wait of [0, OVER_MS / 2, OVER_MS / 2]) {
      later(wait);
      refuse();
      expect(guilty()).toEqual([]);
      storeNeighbour();
    }
    expect(guilty()).toEqual([7]);
  });

  it('finds no event at fault without a neighbour after the last refusal', () => {
    for (let refusals = 0; refusals < 3; refusals += 1) {
      refuse();
      later(OVER_MS);
      if (refusals < 2) {
        storeNeighbour();
      }
    }
    expect(guilty()).toEqual([]);
  });

  it('counts no refusal that no neighbour follows, however many there are', () => {
    for (let refusals = 0; refusals < 50; refusals += 1) {
      refuse();
      later(5000);
    }
    storeNeighbour();
    expect(guilty()).toEqual([]);
    refuse();
    later(OVER_MS);
    storeNeighbour();
    expect(guilty()).toEqual([]);
  });

  it('counts the time from the first refusal that a neighbour follows', () => {
    refuse();
    later(10 * OVER_MS);
    refuse();
    storeNeighbour();
    for (const wait of [10, 10]) {
      later(wait);
      refuse();
      storeNeighbour();
    }
    expect(guilty()).toEqual([]);
    later(OVER_MS);
    refuse();
    storeNeighbour();
    expect(guilty()).toEqual([7]);
  });

  it('is due half the time after a refusal that counts', () => {
    refuse();
    expect(suspects.due(acceptances)).toEqual([]);
    expect(suspects.dueInMs(acceptances)).toBeUndefined();
    storeNeighbour();
    expect(suspects.dueInMs(acceptances)).toBe(OVER_MS / 2);
    expect(suspects.due(acceptances)).toEqual([]);
    later(OVER_MS / 2);
    expect(suspects.due(acceptances)).toEqual([event]);
  });

  it('names in turn those whose last refusal proves nothing yet', () => {
    refuse();
    later(1);
    refuse(other);
    expect(suspects.unproven(acceptances)).toBe(event);
    later(1);
    refuse();
    expect(suspects.unproven(acceptances)).toBe(other);
    storeNeighbour();
    expect(suspects.unproven(acceptances)).toBeUndefined();
  });

  it('knows the first one until it is settled', () => {
    refuse(other);
    refuse();
    expect(suspects.first).toBe(7);
    suspects.settled(event);
    expect(suspects.first).toBe(9);
    suspects.settled(other);
    expect([suspects.first, suspects.count, suspects.bytes]).toEqual([undefined, 0, 0]);
  });
});
