import type { Ledger } from '../metrics/pipeline-observer.js';
import type { Account, AccountChange, BatchSource, Progress } from '../queueing/event-queue.js';

/** Settled events that no commit has counted yet, and that were not delivered. */
export interface Undelivered {
  readonly deadLettered: number;
  /** Dead-lettered, then deleted; or refused while the sender waited, who was told. */
  readonly purged: number;
  /** Dead-lettered, then queued again by the replay under way. */
  readonly replayed: number;
}

export const ALL_DELIVERED: Undelivered = { deadLettered: 0, purged: 0, replayed: 0 };

/** accepted = delivered + queued + deadLettered + purged + corrupt + expired, always. */
export function ledgerOf(
  { accepted, settled, corrupt, expired }: Progress,
  { deadLettered, purged, replay }: Account,
): Ledger {
  const others = deadLettered + purged + corrupt + (expired ?? 0);
  // What is replayed is this instance's own, and may be of events that others have settled.
  const queuedAgain = Math.min(replay?.queued ?? 0, Math.max(0, settled - others));
  return {
    accepted,
    delivered: settled - queuedAgain - others,
    queued: accepted - settled + queuedAgain,
    deadLettered,
    purged,
    corrupt,
    ...(expired !== undefined && { expired }),
  };
}

/** Events that are in the dead letters, or were, and that no commit has counted yet. */
class UncountedLetters {
  private letters: { readonly position: number; readonly fate: keyof Undelivered }[] = [];

  add(position: number, fate: 'deadLettered' | 'purged'): void {
    this.letters.push({ position, fate });
  }

  before(position: number): Undelivered {
    const settled = this.letters.filter((letter) => letter.position < position);
    const count = (fate: keyof Undelivered): number =>
      settled.filter((letter) => letter.fate === fate).length;
    return {
      deadLettered: count('deadLettered'),
      purged: count('purged'),
      replayed: count('replayed'),
    };
  }

  counted(position: number): void {
    this.letters = this.letters.filter((letter) => letter.position >= position);
  }

  giveUp(): void {
    this.letters = [];
  }

  /** The dead letters are deleted, or queued again. @returns how many of these there are */
  moved(fate: 'purged' | 'replayed'): number {
    const { deadLettered } = this.before(Infinity);
    this.letters = this.letters.map((letter) =>
      letter.fate === 'deadLettered' ? { ...letter, fate } : letter,
    );
    return deadLettered;
  }
}

/** One sink's ledger. Each change of it is durable when its promise resolves. */
export class Accounting {
  /** By position in the queue, and in the replay under way. */
  private readonly queued = new UncountedLetters();
  private readonly replayed = new UncountedLetters();

  constructor(private readonly source: BatchSource) {}

  get ledger(): Ledger {
    return ledgerOf(this.source.progress, this.source.account);
  }

  get replay(): Account['replay'] {
    return this.source.account.replay;
  }

  /** Its dead letter is on disk; the commit of what is after it counts it. */
  deadLettered(position: number, source: 'queue' | 'replay'): void {
    (source === 'queue' ? this.queued : this.replayed).add(position, 'deadLettered');
  }

  /** An event of the queue is kept nowhere; the commit of what is after it counts it. */
  givenUp(position: number): void {
    this.queued.add(position, 'purged');
  }

  /** Everything before `position` is settled. */
  async commit(position: number): Promise<void> {
    await this.source.commit(position, settle(this.queued.before(position)));
    this.queued.counted(position);
  }

  /** What was read and not committed is not to be: it comes again, here or elsewhere. */
  giveUp(): void {
    this.queued.giveUp();
  }

  /** The dead letters of the sink, which are in `file` now, are queued again. */
  async beginReplay(file: string, events: number): Promise<void> {
    await this.source.updateAccount(beginReplay(file, events));
    this.queued.moved('replayed');
  }

  /**
   * So many more events of the replay, all before `offset`, are settled.
   * @param refused how many of them are back in the dead letters without having been tried
   */
  async commitReplay(offset: number, events: number, refused: number): Promise<void> {
    const undelivered = this.replayed.before(offset);
    await this.source.updateAccount(
      settleReplay(offset, events, {
        ...undelivered,
        deadLettered: undelivered.deadLettered + refused,
      }),
    );
    this.replayed.counted(offset);
  }

  /** Its file is gone; what was not settled went with it. */
  async endReplay(): Promise<void> {
    await this.source.updateAccount(endReplay);
    this.replayed.counted(Infinity);
  }

  /**
   * The dead letters are deleted.
   * @returns how many events that gives up
   */
  async purge(): Promise<number> {
    const { deadLettered } = this.source.account;
    await this.source.updateAccount(purgeDeadLetters);
    return deadLettered + this.queued.moved('purged') + this.replayed.moved('purged');
  }
}

/** For events of the queue that are settled now. */
export function settle({ deadLettered, purged, replayed }: Undelivered): AccountChange {
  return (account) => {
    const { replay } = account;
    return {
      deadLettered: account.deadLettered + deadLettered,
      // Somebody may have removed the file that was to be replayed.
      purged: account.purged + purged + (replay ? 0 : replayed),
      ...(replay && { replay: { ...replay, queued: replay.queued + replayed } }),
    };
  };
}

/** After a crash some letters may be in the file twice, and were counted once: the ledger moves no more than it has. */
export function beginReplay(file: string, events: number): AccountChange {
  return (account) => {
    const queued = Math.min(events, account.deadLettered);
    return {
      ...account,
      deadLettered: account.deadLettered - queued,
      replay: { file, offset: 0, remaining: events, queued },
    };
  };
}

/** For events of the replay that are settled now. */
export function settleReplay(
  offset: number,
  events: number,
  undelivered: Undelivered,
): AccountChange {
  return (account) => {
    const { replay } = account;
    if (!replay) {
      return account;
    }
    const remaining = Math.max(0, replay.remaining - events);
    const queued = Math.min(replay.queued, remaining);
    const settled = replay.queued - queued;
    const deadLettered = Math.min(undelivered.deadLettered, settled);
    const purged = Math.min(undelivered.purged, settled - deadLettered);
    return {
      deadLettered: account.deadLettered + deadLettered,
      purged: account.purged + purged,
      replay: { ...replay, offset, remaining, queued },
    };
  };
}

export const endReplay: AccountChange = ({ deadLettered, purged, replay }) => ({
  deadLettered,
  purged: purged + (replay?.queued ?? 0),
});

export const purgeDeadLetters: AccountChange = (account) => ({
  ...account,
  deadLettered: 0,
  purged: account.purged + account.deadLettered,
});
