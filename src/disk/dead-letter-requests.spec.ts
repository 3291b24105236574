import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeadLetterRequests } from './dead-letter-requests.js';

let root: string;
let requests: DeadLetterRequests;
let served: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dead-letter-requests-'));
  requests = new DeadLetterRequests(join(root, 'dead-letters'));
  served = [];
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function listen(name: string): () => void {
  return requests.listen(name, () => served.push(name));
}

describe('DeadLetterRequests', () => {
  it('calls the listener of a name while a request for it waits', async () => {
    const stops = ['kafka', 'postgres'].map(listen);
    await requests.make('postgres', 'purge');
    await vi.waitFor(() => expect(served.length).toBeGreaterThan(1));
    expect(new Set(served)).toEqual(new Set(['postgres']));
    await requests.withdraw('postgres', 'purge');
    expect(await requests.isMade('postgres', 'purge')).toBe(false);
    stops.forEach((stop) => stop());
  });

  it('calls nobody who has stopped listening, and those who still listen', async () => {
    await requests.make('kafka', 'replay');
    await requests.make('postgres', 'replay');
    const [stopKafka, stopPostgres] = [listen('kafka'), listen('postgres')];
    stopKafka();
    await vi.waitFor(() => expect(served).toEqual(['postgres']));
    stopPostgres();
  });

  it('looks at once when somebody listens again after all have stopped', async () => {
    listen('kafka')();
    await requests.make('kafka', 'replay');
    const stop = listen('kafka');
    await vi.waitFor(() => expect(served).toEqual(['kafka']));
    stop();
  });
});
