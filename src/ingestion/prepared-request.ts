import type { Prepared } from '../event/prepare-event.js';
import type { BotVerdict, DropReason } from '../event/reasons.js';
import type { EncodedEvent } from '../event/stored-event.js';
import { verdictOf } from './enrichment/bot-verdict.js';
import type { Place } from './enrichment/places/place.js';
import { Rejections } from './rejected/rejections.js';
import { SchemaReport } from './schemas/schema-report.js';

/** Most requests have none. */
const NO_REJECTIONS = new Rejections();
const NO_WARNINGS: readonly string[] = [];
const NO_VIOLATIONS = new SchemaReport();
const NO_DROPS = new Map<DropReason, number>();
const NO_VERDICTS = new Map<BotVerdict, number>();

/** What the elements of a request have become, as bytes; nothing is stored yet. */
export class PreparedRequest {
  /** The valid ones that the operator wants, in order. */
  readonly events: EncodedEvent[] = [];
  rejections = NO_REJECTIONS;
  /** The other valid ones. */
  dropped = NO_DROPS;
  /** For the sender of events that are valid, and perhaps not what was meant. */
  warnings = NO_WARNINGS;
  /** Also those of valid ones. */
  violations = NO_VIOLATIONS;
  /** The valid ones, by what sent them; of those that nobody looked at, nothing. */
  verdicts = NO_VERDICTS;
  /** `events`, by country; undefined stands for those whose country is not known. */
  readonly countries = new Map<string | undefined, number>();

  /**
   * @param drop why the operator wants nothing of this request, if so; its rejected elements are not kept then
   * @param source the name of the key that the request came with
   */
  constructor(
    readonly drop?: DropReason,
    readonly source?: string,
  ) {}

  get droppedCount(): number {
    let sum = 0;
    for (const count of this.dropped.values()) {
      sum += count;
    }
    return sum;
  }

  /**
   * @param index its place in the request
   * @param ownDrop why the operator does not want this one, if so
   */
  add(index: number, prepared: Prepared, ownDrop?: DropReason): void {
    if (prepared.violation !== undefined) {
      this.violations = this.violations === NO_VIOLATIONS ? new SchemaReport() : this.violations;
      this.violations.add(index, prepared.violation);
    }
    if (prepared.rejected !== undefined) {
      this.rejections = this.rejections === NO_REJECTIONS ? new Rejections() : this.rejections;
      this.rejections.add(index, prepared.rejected);
      return;
    }
    const verdict = verdictOf(prepared.server);
    if (verdict !== undefined) {
      this.verdicts = this.verdicts === NO_VERDICTS ? new Map() : this.verdicts;
      countIn(this.verdicts, verdict);
    }
    const drop = this.drop ?? ownDrop;
    if (drop === undefined) {
      this.events.push(prepared.json);
      countIn(this.countries, (prepared.server?.['geo'] as Place | undefined)?.country);
    } else {
      this.dropped = this.dropped === NO_DROPS ? new Map() : this.dropped;
      countIn(this.dropped, drop);
    }
  }
}

function countIn<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
