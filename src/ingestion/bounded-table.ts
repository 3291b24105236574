/**
 * A map with at most so many entries: those that were not used for longest give way, half of the bound at once.
 * Deleting one entry at a time would make V8 walk over the deleted ones of its maps.
 */
export class BoundedTable<V, K = string> {
  private recent = new Map<K, V>();
  private older = new Map<K, V>();

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.recent.size + this.older.size;
  }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.recent.get(key);
    if (value !== undefined) {
      return value;
    }
    const old = this.older.get(key);
    if (old !== undefined) {
      this.older.delete(key);
      this.set(key, old);
    }
    return old;
  }

  set(key: K, value: V): void {
    if (this.recent.size >= this.maxEntries / 2 && !this.recent.has(key)) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(key, value);
  }

  clear(): void {
    this.recent.clear();
    this.older.clear();
  }
}
