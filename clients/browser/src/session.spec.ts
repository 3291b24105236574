import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';

const MINUTE_MS = 60_000;

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

async function load(storage: Record<string, string> = {}) {
  Object.assign(page.storage, storage);
  const { openStore } = await import('./store.js');
  openStore();
  return import('./session.js');
}

describe('the session', () => {
  it('lasts while events come within 30 minutes of each other', async () => {
    const { currentSession } = await load();
    const first = currentSession();
    for (let count = 0; count < 5; count += 1) {
      vi.advanceTimersByTime(29 * MINUTE_MS);
      expect(currentSession()).toEqual(first);
    }
    expect(first).toMatchObject({ session_seq: 1, session_start_ts: first.first_visit_ts });
  });

  it('is another one after 30 minutes, of the same visitor', async () => {
    const { currentSession } = await load();
    const first = currentSession();
    vi.advanceTimersByTime(31 * MINUTE_MS);
    const second = currentSession();
    expect(second.session_id).not.toBe(first.session_id);
    expect(second).toMatchObject({
      visitor_id: first.visitor_id,
      first_visit_ts: first.first_visit_ts,
      session_seq: 2,
      session_start_ts: new Date().toISOString(),
    });
    expect(currentSession()).toEqual(second);
  });

  it('is that of the page before, and of the other tabs', async () => {
    const { currentSession } = await load();
    const first = currentSession();
    const { storage } = page;
    page.close();
    page = new FakePage('https://site.example/b', storage);
    expect((await load()).currentSession()).toEqual(first);
  });

  it("goes by the id of the Go service's client", async () => {
    const { currentSession } = await load({ gt_sid: 'abcdef' });
    expect(currentSession()).toMatchObject({
      visitor_id: 'abcdef',
      session_id: 'abcdef',
      session_seq: 1,
    });
  });

  it('ends when the clock is set back by more than its length', async () => {
    const { currentSession } = await load();
    currentSession();
    vi.setSystemTime(Date.now() - 24 * 60 * MINUTE_MS);
    expect(currentSession().session_seq).toBe(2);
    vi.advanceTimersByTime(MINUTE_MS);
    expect(currentSession().session_seq).toBe(2);
  });

  it('begins again where something unreadable is stored', async () => {
    const { currentSession } = await load({ gt_visit: '{' });
    expect(currentSession().session_seq).toBe(1);
  });

  it('writes the time of the last event every ten seconds at most', async () => {
    const { currentSession } = await load();
    currentSession();
    const written = page.storage['gt_visit'];
    vi.advanceTimersByTime(9000);
    currentSession();
    expect(page.storage['gt_visit']).toBe(written);
    vi.advanceTimersByTime(2000);
    currentSession();
    expect(page.storage['gt_visit']).not.toBe(written);
  });

  it('leaves nothing when it is forgotten', async () => {
    const { currentSession } = await load({ theme: 'dark' });
    const { removeAll } = await import('./store.js');
    currentSession();
    removeAll();
    expect(page.storage).toEqual({ theme: 'dark' });
  });
});
