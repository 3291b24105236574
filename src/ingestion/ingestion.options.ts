import { Max, Min } from 'class-validator';
import type { Fault } from '../config/configuration-error.js';
import { boolean, integer, list, oneOf, text } from '../config/parsers.js';
import { InvalidValueError, type Parser, Setting } from '../config/setting.js';
import { FieldRules } from '../event/field-rules.js';
import { dropFaults, fieldPaths, hashFaults, namesOf } from './field-paths.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const PRIVACY_MODES = ['anonymize', 'drop', 'ignore'] as const;
export type PrivacyMode = (typeof PRIVACY_MODES)[number];

const visitorHash: Parser<boolean | 'shared'> = (value) => {
  if (value.toLowerCase() === 'shared') {
    return 'shared';
  }
  try {
    return boolean(value);
  } catch {
    throw new InvalidValueError('must be true, false or shared');
  }
};

/** How events come in, and what is kept of who sent them. */
export class IngestionOptions {
  static readonly key = 'ingestion';

  @Setting('VALIDATE', boolean, {
    doc: 'Serves POST /collect/validate, which tells integrators what /collect would store, and stores nothing.',
  })
  readonly validate: boolean = false;

  @Setting('TEST_MODE', boolean, {
    doc: 'Sends five sample events at each start, which are accepted and delivered like any other.',
  })
  readonly testMode: boolean = false;

  @Setting('MAX_BODY_BYTES', integer, {
    doc: 'Largest body of a request, as received and after decompression; more gets 413.',
    unit: 'bytes',
  })
  @Min(KIB)
  @Max(16 * MIB)
  readonly maxBodyBytes: number = MIB;

  @Setting('MAX_BATCH_EVENTS', integer, {
    doc: 'Most events in one request; more gets 413.',
    unit: 'events',
  })
  @Min(1)
  @Max(100_000)
  readonly maxBatchEvents: number = 1000;

  @Setting('MAX_EVENT_BYTES', integer, {
    doc: 'Largest event as it is stored, without what the server adds; a larger one is rejected.',
    unit: 'bytes',
  })
  @Min(KIB)
  @Max(MIB)
  readonly maxEventBytes: number = 64 * KIB;

  @Setting('IP_HASH_SECRET', text, {
    doc: "Stores a hash of the client's address that changes each UTC day. Without it, the address is stored truncated to /24 or /48.",
    secret: true,
  })
  readonly ipHashSecret: string | undefined = undefined;

  @Setting('PRIVACY_SIGNALS', oneOf(...PRIVACY_MODES), {
    doc: 'What DNT: 1 or Sec-GPC: 1 does: anonymize leaves out session, user and address, drop records nothing, ignore does nothing.',
  })
  readonly privacySignals: PrivacyMode = 'anonymize';

  @Setting('SANITIZE_PARAMS', list, {
    doc: 'Query parameters to strip wherever they occur in an event, in any case: a comma list of names.',
  })
  readonly sanitizeParams: readonly string[] = [];

  @Setting('DROP_FIELDS', fieldPaths, {
    doc: 'Fields that are never stored: a comma list of paths such as props.email or user.traits.*, where * stands for one level.',
  })
  readonly dropFields: readonly string[] = [];

  @Setting('HASH_FIELDS', fieldPaths, {
    doc: 'Fields of which an HMAC under HASH_SECRET is stored in their place: paths as in DROP_FIELDS.',
  })
  readonly hashFields: readonly string[] = [];

  @Setting('HASH_SECRET', text, {
    doc: 'Key of the hashes of HASH_FIELDS, and of VISITOR_HASH=shared. With another one, the same value gets another hash.',
    secret: true,
  })
  readonly hashSecret: string | undefined = undefined;

  @Setting('VISITOR_HASH', visitorHash, {
    doc: 'Tells visitors apart without cookies: server.visitor_hash is an HMAC of address, User-Agent and source that changes each UTC day. true: under a random salt of this instance that is destroyed when its day is over. shared: under HASH_SECRET and the date, so the same on every instance.',
  })
  readonly visitorHash: boolean | 'shared' = false;

  /** Undefined when every field is stored as it is. */
  get fieldRules(): FieldRules | undefined {
    return this.dropFields.length + this.hashFields.length === 0
      ? undefined
      : new FieldRules({
          dropped: this.dropFields.map(namesOf),
          hashed: this.hashFields.map(namesOf),
          secret: this.hashSecret ?? '',
        });
  }

  faults(): Fault[] {
    return [
      ...dropFaults('DROP_FIELDS', this.dropFields),
      ...hashFaults('HASH_FIELDS', this.hashFields),
      ...(this.hashFields.length > 0 && this.hashSecret === undefined
        ? [{ name: 'HASH_FIELDS', reason: 'needs HASH_SECRET' }]
        : []),
      ...(this.visitorHash === 'shared' && this.hashSecret === undefined
        ? [{ name: 'VISITOR_HASH', reason: 'is shared, and needs HASH_SECRET' }]
        : []),
    ];
  }

  warnings(): readonly string[] {
    return this.testMode
      ? [
          'TEST_MODE=true sends five sample events to every sink at each start: unset it in production',
        ]
      : [];
  }
}
