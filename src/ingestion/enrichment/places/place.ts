/** Where a client is, as `server.geo` holds it. Nothing in it is undefined. */
export type Place = {
  /** ISO 3166-1 alpha-2. */
  readonly country?: string;
  /** ISO 3166-2 without the country, such as `BY`. */
  readonly region?: string;
  /** In English where the source has it so. */
  readonly region_name?: string;
  readonly city?: string;
  readonly postal_code?: string;
  /** In degrees. */
  readonly latitude?: number;
  readonly longitude?: number;
  /** A name of the IANA database. */
  readonly timezone?: string;
  /** The number of the network (autonomous system), and who runs it. */
  readonly asn?: number;
  readonly as_org?: string;
};

type Sought = { readonly [Name in keyof Place]: Place[Name] | undefined };

/** What was found of a place; undefined when nothing was. */
export function placeOf(sought: Sought): Place | undefined {
  const found: Record<string, string | number> = {};
  let isEmpty = true;
  for (const name in sought) {
    const value = sought[name as keyof Place];
    if (value !== undefined) {
      found[name] = value;
      isEmpty = false;
    }
  }
  return isEmpty ? undefined : found;
}

/**
 * One place from two sources. The second adds what the first leaves open: its details only where they lie in the same
 * country and the first has none, so that no city gets the coordinates of another.
 */
export function joinedPlace(
  first: Place | undefined,
  second: Place | undefined,
): Place | undefined {
  if (first === undefined || second === undefined) {
    return first ?? second;
  }
  const { asn, as_org, ...place } = second;
  const network = asn === undefined ? {} : { asn, ...(as_org !== undefined && { as_org }) };
  return isDetailed(first) || (first.country ?? place.country) !== place.country
    ? { ...network, ...first }
    : { ...place, ...network, ...first };
}

function isDetailed(place: Place): boolean {
  return Object.keys(place).some((name) => !['country', 'asn', 'as_org'].includes(name));
}
