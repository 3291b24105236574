import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { followValue } from '../../config/follow-value.js';
import { InjectOptions } from '../../config/inject-options.js';
import { AdmissionOptions } from '../admission/admission.options.js';
import { BoundedTable } from '../bounded-table.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import type { Work } from '../../event/work.js';
import { clientOfAddress } from '../enrichment/address-anonymizer.js';

const MAX_CACHED = 10_000;
/** Signed in one piece, in well below a millisecond. */
const PIECE_BYTES = 256 * 1024;

/** The keys that clients sign with, each made from HMAC_SECRET and the client's address. */
@Injectable()
export class ClientKeys implements OnModuleDestroy {
  private readonly logger = new Logger('ClientKeys');
  private readonly derived = new BoundedTable<Buffer>(MAX_CACHED);
  private readonly stop: () => void;
  private secret: string | undefined;

  constructor(
    @InjectOptions(AdmissionOptions) options: AdmissionOptions,
    private readonly turns: ParsingTurns,
  ) {
    this.secret = options.hmacSecret;
    this.stop = followValue(options, 'hmacSecret', {
      changed: (secret) => {
        this.secret = secret;
        this.derived.clear();
        this.logger.log('HMAC_SECRET_FILE has changed; clients need their new keys');
      },
      failed: (reason) => {
        this.logger.error(`${reason}; the secret before stays in use`);
      },
    });
  }

  /** Whether signatures are checked at all. */
  get enabled(): boolean {
    return this.secret !== undefined;
  }

  /** The key for the client at an address; an IPv6 client keeps it within its /64. */
  keyFor(address: string): Buffer {
    return this.derive(clientOfAddress(address));
  }

  /**
   * Takes the same work for every signature that is wrong, whatever is wrong about it. The Go service signs with the
   * full address of an IPv6 client.
   * @param signature 32 bytes
   */
  async verifies(address: string | undefined, body: Buffer, signature: Buffer): Promise<boolean> {
    if (address === undefined) {
      return false;
    }
    const client = clientOfAddress(address);
    const keys = [this.derive(client), ...(client === address ? [] : [this.derive(address)])];
    for (const key of keys) {
      if (timingSafeEqual(await this.sign(key, body), signature)) {
        return true;
      }
    }
    return false;
  }

  onModuleDestroy(): void {
    this.stop();
  }

  private derive(client: string): Buffer {
    let key = this.derived.get(client);
    if (key === undefined) {
      key = createHmac('sha256', this.secret ?? '')
        .update(`client-key:${client}`)
        .digest();
      this.derived.set(client, key);
    }
    return key;
  }

  /** A large body waits for its turns, so that many of them do not hold the event loop. */
  private sign(key: Buffer, body: Buffer): Buffer | Promise<Buffer> {
    return this.turns.run(signing(key, body), body.length);
  }
}

function* signing(key: Buffer, body: Buffer): Work<Buffer> {
  const hmac = createHmac('sha256', key);
  for (let start = 0; start < body.length; start += PIECE_BYTES) {
    hmac.update(body.subarray(start, start + PIECE_BYTES));
    yield;
  }
  return hmac.digest();
}
