import type { OnModuleDestroy } from '@nestjs/common';
import { canonicalAddress } from '../../../http/client-address.js';
import type { PipelineObserver } from '../../../metrics/pipeline-observer.js';
import type { GeoOptions } from './geo.options.js';
import { joinedPlace, type Place } from './place.js';
import { PlaceDatabase } from './place-database.js';

/** The databases of `GEOIP_DB`. */
export class Places implements OnModuleDestroy {
  private constructor(
    private readonly databases: readonly PlaceDatabase[],
    /** Whether places are found out at all. */
    readonly isOn: boolean,
  ) {}

  /** @throws Error that names the variable, when a file cannot be used */
  static async open(options: GeoOptions, observer: PipelineObserver): Promise<Places> {
    if (options.isOff) {
      return new Places([], false);
    }
    const databases: PlaceDatabase[] = [];
    try {
      for (const name of options.databases) {
        databases.push(await PlaceDatabase.open(name));
      }
    } catch (error) {
      databases.forEach((database) => database.close());
      throw new Error(`GEOIP_DB ${(error as Error).message}`, { cause: error });
    }
    observer.placesOpened(() => ({
      builtAt: new Date(Math.min(...databases.map(({ builtAt }) => builtAt.getTime()))),
      lastReloadSuccessful: databases.every(({ lastReloadSuccessful }) => lastReloadSuccessful),
    }));
    return new Places(databases, true);
  }

  /** @param address in any form; an IPv4 address may be written as IPv6. @throws when a database is damaged */
  find(address: string): Place | undefined {
    const canonical = canonicalAddress(address);
    if (canonical === undefined) {
      return undefined;
    }
    let place: Place | undefined;
    for (const database of this.databases) {
      place = joinedPlace(place, database.find(canonical));
    }
    return place;
  }

  onModuleDestroy(): void {
    this.databases.forEach((database) => database.close());
  }
}
