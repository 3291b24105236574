import { hash, randomBytes } from 'node:crypto';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { followValue } from '../../config/follow-value.js';
import { InjectOptions } from '../../config/inject-options.js';
import { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { AdmissionOptions } from './admission.options.js';
import type { ApiKey } from './api-key.js';

/**
 * The keys of INGEST_API_KEYS, as their file holds them now. They are looked up by a hash that starts with random bytes of
 * this process: nobody outside can tell which keys have similar hashes, so the time of a look-up says nothing about
 * a key, and each takes the same work.
 */
@Injectable()
export class SourceKeys implements OnModuleDestroy {
  private readonly logger = new Logger('SourceKeys');
  private readonly salt = randomBytes(32).toString('base64');
  private readonly stop: () => void;
  private byHash: ReadonlyMap<string, ApiKey> = new Map();

  constructor(
    @InjectOptions(AdmissionOptions) options: AdmissionOptions,
    private readonly observer: PipelineObserver,
  ) {
    this.use(options.apiKeys);
    this.stop = followValue(options, 'apiKeys', {
      changed: (keys) => {
        this.use(keys);
        this.logger.log(`the keys of INGEST_API_KEYS_FILE have changed; it has ${keys?.length}`);
      },
      failed: (reason) => {
        this.logger.error(`${reason}; the keys before stay in use`);
      },
    });
  }

  find(key: string): ApiKey | undefined {
    return this.byHash.get(this.hashOf(key));
  }

  onModuleDestroy(): void {
    this.stop();
  }

  private use(keys: readonly ApiKey[] | undefined): void {
    if (keys !== undefined) {
      this.byHash = new Map(keys.map((each) => [this.hashOf(each.key), each]));
      this.observer.sourcesNamed(keys.map(({ source }) => source));
    }
  }

  private hashOf(key: string): string {
    return hash('sha256', this.salt + key, 'base64');
  }
}
