import { type Parser, InvalidValueError, Setting } from '../../../config/setting.js';
import { list } from '../../../config/parsers.js';

const OFF = 'off';
/** Stands for the database that comes with GoTrack. */
export const BUILTIN = 'builtin';

const databases: Parser<readonly string[]> = (value) => {
  const items = list(value).map((item) => (isWord(item) ? item.toLowerCase() : item));
  if (items.length === 0 || (items.includes(OFF) && items.length > 1)) {
    throw new InvalidValueError(
      `must be ${BUILTIN}, ${OFF} or the path of an MMDB file; several make a comma list`,
    );
  }
  return items;
};

function isWord(item: string): boolean {
  return [OFF, BUILTIN].includes(item.toLowerCase());
}

/** Where the places of clients are looked up. */
export class GeoOptions {
  static readonly key = 'geo';

  @Setting('GEOIP_DB', databases, {
    doc: 'Where server.geo comes from: builtin is a database of countries that comes with GoTrack. A path names an MMDB file in the form of GeoLite or DB-IP (City, Country, ASN); of a comma list, each adds what those before it lack. A replaced file is taken without a restart. off: no server.geo.',
  })
  readonly databases: readonly string[] = [BUILTIN];

  get isOff(): boolean {
    return this.databases.includes(OFF);
  }
}
