import { Max, Min } from 'class-validator';
import type { Fault } from '../../config/configuration-error.js';
import { boolean, integer, text } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';
import { type ApiKey, apiKeys, maskedKeys, sourceRates } from './api-key.js';

/** Shorter ones can be guessed: each client knows an HMAC of its own address under the secret. */
const MIN_SECRET_LENGTH = 16;

/** Who may send, and how much. */
export class AdmissionOptions {
  static readonly key = 'admission';

  @Setting('INGEST_API_KEYS', apiKeys, {
    doc: 'The sources that send with a key: a comma list of name:key, or name:key:server for a server that speaks for its own clients. Several keys may stand for one name. A changed file is taken without a restart.',
    secret: true,
    masked: (keys, mask) => maskedKeys(keys, mask),
  })
  readonly apiKeys: readonly ApiKey[] | undefined = undefined;

  @Setting('REQUIRE_API_KEY', boolean, {
    doc: 'Refuses what comes without a key of INGEST_API_KEYS, the pixel too.',
  })
  readonly requireApiKey: boolean = false;

  @Setting('HMAC_SECRET', text, {
    doc: 'Turns signatures on: the key of a client is an HMAC of its address under this secret. A changed file is taken without a restart, and ends the keys that clients have.',
    secret: true,
  })
  readonly hmacSecret: string | undefined = undefined;

  @Setting('REQUIRE_HMAC', boolean, {
    doc: 'Whether /collect refuses what has neither a signature nor a key. Unset: yes, once HMAC_SECRET is set. The pixel cannot be signed and stays open.',
  })
  readonly requireHmac: boolean | undefined = undefined;

  @Setting('HMAC_PUBLIC_KEY', text, {
    doc: 'Ignored, with a warning: a variable of the Go service. /hmac/public-key answers with the key of each client.',
  })
  readonly hmacPublicKey: string | undefined = undefined;

  @Setting('RATE_LIMIT_RPS', integer, {
    doc: 'Requests a second from one client (an IPv6 client is its /64), and as many at once; more gets 429. 0: no limit.',
    unit: 'requests',
  })
  @Min(0)
  @Max(1_000_000)
  readonly rateLimitRps: number = 0;

  @Setting('SOURCE_RATE_LIMITS', sourceRates, {
    doc: 'Requests a second with the keys of one source: a comma list of name:rps, with names of INGEST_API_KEYS.',
  })
  readonly sourceRateLimits: ReadonlyMap<string, number> | undefined = undefined;

  /** Whether a body needs a signature, unless a key comes with it. */
  get signatureRequired(): boolean {
    return this.hmacSecret !== undefined && this.requireHmac !== false;
  }

  faults(): Fault[] {
    const sources = new Set(this.apiKeys?.map(({ source }) => source));
    const unknown = [...(this.sourceRateLimits?.keys() ?? [])].some((name) => !sources.has(name));
    return [
      ...(this.requireHmac && this.hmacSecret === undefined
        ? [{ name: 'REQUIRE_HMAC', reason: 'needs HMAC_SECRET' }]
        : []),
      ...(this.requireApiKey && this.apiKeys === undefined
        ? [{ name: 'REQUIRE_API_KEY', reason: 'needs INGEST_API_KEYS' }]
        : []),
      ...(unknown
        ? [{ name: 'SOURCE_RATE_LIMITS', reason: 'names a source that INGEST_API_KEYS does not' }]
        : []),
    ];
  }

  warnings(): string[] {
    return [
      ...(this.hmacPublicKey === undefined
        ? []
        : ['HMAC_PUBLIC_KEY is ignored: /hmac/public-key answers with the key of each client']),
      ...(this.hmacSecret !== undefined && this.hmacSecret.length < MIN_SECRET_LENGTH
        ? [
            `HMAC_SECRET has fewer than ${MIN_SECRET_LENGTH} characters and can be guessed from the key of one client: make one with openssl rand -hex 32`,
          ]
        : []),
    ];
  }
}
