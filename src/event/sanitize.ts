import { type CampaignField, campaignField, plainName } from './campaign.js';
import { type Fields, isFields, setField } from './fields.js';
import { mayHoldParameter, parameterPattern, ParameterStripper } from './parameter-stripper.js';
import { resultOf, type Work } from './work.js';

/** Strips the query parameters that the operator does not want to store. */
export abstract class Sanitizer {
  /** Whether a query parameter of this name is to be left out. */
  abstract strips(name: string): boolean;
  /**
   * A copy without these parameters, wherever it holds them: in texts that are an address or a query, in
   * `route.query`, and in the campaign fields made from them. Not for values deeper than `MAX_DEPTH`.
   */
  abstract event(event: Readonly<Fields>): Fields;
  /** The same for one with long texts. */
  abstract eventInPieces(event: Readonly<Fields>): Work<Fields>;
  /** A copy of a client's own data without these parameters. */
  abstract listInPieces(list: readonly unknown[]): Work<readonly unknown[]>;
  /** The text without these parameters. */
  abstract textInPieces(text: string): Work<string>;
}

type Strip = (text: string) => string;

/** Characters: no event has so many shorter texts that they take long. */
const LONG = 64;
/** Characters between two pauses. */
const STEP = 4 * 1024;

/**
 * @param parameterNames in any case
 * @returns undefined when there is nothing to strip
 */
export function createSanitizer(parameterNames: readonly string[]): Sanitizer | undefined {
  return parameterNames.length === 0
    ? undefined
    : new ParameterSanitizer(new Set(parameterNames.map((name) => name.toLowerCase())));
}

class ParameterSanitizer extends Sanitizer {
  /** The fields of `url` that are made from them. */
  private readonly campaign: readonly CampaignField[];
  /** Finds one where it is looked for. */
  private readonly parameter: RegExp;
  /** Finds out whether there is one: most texts have none. */
  private readonly anyParameter: RegExp;

  constructor(private readonly names: ReadonlySet<string>) {
    super();
    this.campaign = [...names].flatMap((name) => campaignField(name) ?? []);
    this.parameter = parameterPattern([...names], 'iuy');
    this.anyParameter = parameterPattern([...names], 'iu');
  }

  override strips(name: string): boolean {
    return this.names.has(name.toLowerCase()) || this.names.has(plainName(name));
  }

  override event(event: Readonly<Fields>): Fields {
    return this.eventWith(event, (text) => this.text(text));
  }

  override *eventInPieces(event: Readonly<Fields>): Work<Fields> {
    const long = new Set<string>();
    addLongTexts(event, long);
    const { url } = event;
    if (isFields(url) && typeof url['raw_query'] === 'string') {
      long.add(`?${url['raw_query']}`);
    }
    return this.eventWith(event, yield* this.stripAfter(long));
  }

  override *listInPieces(list: readonly unknown[]): Work<readonly unknown[]> {
    const long = new Set<string>();
    addLongTexts(list, long);
    return sanitizedCopy(list, yield* this.stripAfter(long)) as readonly unknown[];
  }

  override *textInPieces(text: string): Work<string> {
    return mayHoldParameter(text)
      ? yield* new ParameterStripper(text, this.parameter).strip()
      : text;
  }

  private text(text: string): string {
    return this.anyParameter.test(text)
      ? resultOf(new ParameterStripper(text, this.parameter).strip())
      : text;
  }

  /** Knows the results for these texts. */
  private *stripAfter(texts: ReadonlySet<string>): Work<Strip> {
    const known = new Map<string, string>();
    let length = 0;
    for (const text of texts) {
      known.set(text, yield* this.textInPieces(text));
      length += text.length;
      if (length > STEP) {
        yield;
        length = 0;
      }
    }
    return (text) => known.get(text) ?? this.text(text);
  }

  private eventWith(event: Readonly<Fields>, strip: Strip): Fields {
    const copy = sanitizedCopy(event, strip) as Fields;
    const { url, route } = copy;
    if (isFields(url)) {
      sanitizeRawQuery(url, event['url'] as Fields, strip);
      for (const { group, name } of this.campaign) {
        const fields = url[group];
        if (isFields(fields)) {
          delete fields[name];
        }
      }
    }
    if (isFields(route) && isFields(route['query'])) {
      for (const name of Object.keys(route['query'])) {
        if (this.strips(name)) {
          delete route['query'][name];
        }
      }
    }
    return copy;
  }
}

function addLongTexts(value: unknown, long: Set<string>): void {
  if (typeof value === 'string') {
    if (value.length > LONG) {
      long.add(value);
    }
  } else if (Array.isArray(value)) {
    for (const element of value) {
      addLongTexts(element, long);
    }
  } else if (isFields(value)) {
    for (const name in value) {
      addLongTexts(name, long);
      addLongTexts(value[name], long);
    }
  }
}

/** Unlike any other text, `raw_query` starts with a parameter. */
function sanitizeRawQuery(url: Fields, original: Fields, strip: Strip): void {
  const rawQuery = original['raw_query'];
  if (typeof rawQuery !== 'string') {
    return;
  }
  const sanitized = strip(`?${rawQuery}`).replace(/^\?/, '');
  if (sanitized === rawQuery) {
    return;
  }
  if (sanitized === '') {
    delete url['raw_query'];
    delete url['query_size'];
  } else {
    url['raw_query'] = sanitized;
    url['query_size'] = Buffer.byteLength(sanitized);
  }
}

function sanitizedCopy(value: unknown, strip: Strip): unknown {
  if (typeof value === 'string') {
    return strip(value);
  }
  if (Array.isArray(value)) {
    return value.map((element) => sanitizedCopy(element, strip));
  }
  if (isFields(value)) {
    const copy: Fields = {};
    for (const name in value) {
      setField(copy, strip(name), sanitizedCopy(value[name], strip));
    }
    return copy;
  }
  return value;
}
