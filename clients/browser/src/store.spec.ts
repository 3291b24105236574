import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakePage } from './fake-page.js';

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

describe('the store', () => {
  it('writes to localStorage once it is opened', async () => {
    const store = await import('./store.js');
    store.write('gt_a', '1');
    expect(page.storage).toEqual({});
    expect(store.openStore()).toBe(true);
    store.write('gt_b', '2');
    expect(page.storage).toEqual({ gt_b: '2' });
    expect([store.read('gt_a'), store.read('gt_b'), store.read('gt_c')]).toEqual(['1', '2', '']);
    expect(store.storedNames().toSorted()).toEqual(['gt_a', 'gt_b']);
  });

  it('keeps in memory what there is no room for', async () => {
    const store = await import('./store.js');
    store.openStore();
    store.write('gt_a', 'old');
    page.isFull = true;
    store.write('gt_a', 'new');
    expect(store.read('gt_a')).toBe('new');
    expect(page.storage).toEqual({ gt_a: 'old' });
    page.isFull = false;
    store.write('gt_a', 'newer');
    expect(page.storage).toEqual({ gt_a: 'newer' });
    store.remove('gt_a');
    expect([page.storage, store.read('gt_a'), store.storedNames()]).toEqual([{}, '', []]);
  });

  it('works in memory where the browser blocks localStorage', async () => {
    page.isBlocked = true;
    const store = await import('./store.js');
    expect(store.openStore()).toBe(false);
    store.write('gt_a', '1');
    expect([store.read('gt_a'), store.storedNames()]).toEqual(['1', ['gt_a']]);
    store.remove('gt_a');
    expect(store.read('gt_a')).toBe('');
  });
});
