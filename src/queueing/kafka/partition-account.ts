/** What is known of one partition for one sink: it is stored with each committed offset. */
export interface PartitionAccount {
  /** The topic that the offset belongs to. */
  readonly topicId: string;
  /** Offset at which the sink begins there. */
  readonly start: number;
  /** Settled records that were not delivered, by what became of them. */
  readonly dead: number;
  readonly purged: number;
  /** They hold no event. */
  readonly skipped: number;
  /** Retention has deleted them before they were read. */
  readonly expired: number;
}

const VERSION = 1;
const COUNTS = ['start', 'dead', 'purged', 'skipped', 'expired'] as const;

export function newAccount(topicId: string, start: number): PartitionAccount {
  return { topicId, start, dead: 0, purged: 0, skipped: 0, expired: 0 };
}

export function encodeAccount({ topicId, ...counts }: PartitionAccount): string {
  return JSON.stringify({ v: VERSION, ...counts, topic: topicId });
}

/** Undefined when it is not of our making: an operator may have set the offset by other means. */
export function decodeAccount(metadata: string | null): PartitionAccount | undefined {
  let value: unknown;
  try {
    value = JSON.parse(metadata ?? '');
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Reflect.get(value, 'v') !== VERSION) {
    return undefined;
  }
  const counts = COUNTS.map((name): unknown => Reflect.get(value, name));
  if (!counts.every((count) => Number.isSafeInteger(count))) {
    return undefined;
  }
  const [start = 0, dead = 0, purged = 0, skipped = 0, expired = 0] = counts as number[];
  return { topicId: String(Reflect.get(value, 'topic')), start, dead, purged, skipped, expired };
}
