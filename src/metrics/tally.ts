export type Tally = Map<string, number>;

export function zeros(keys: readonly string[]): Tally {
  return new Map(keys.map((key) => [key, 0]));
}

export function add(tally: Tally, key: string, count: number): void {
  tally.set(key, (tally.get(key) ?? 0) + count);
}
