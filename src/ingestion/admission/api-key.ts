import { list } from '../../config/parsers.js';
import { type Parser, InvalidValueError } from '../../config/setting.js';

/** One key of INGEST_API_KEYS. Several may stand for one source. */
export interface ApiKey {
  readonly source: string;
  readonly key: string;
  /** Its holder is a server, which may speak for its own clients. */
  readonly isServer: boolean;
}

const SERVER_MARK = 'server';
/** The label of what came without a key. */
export const NO_SOURCE = 'none';
/** A name is a label value, and stands in each of its events. */
const NAME = /^[A-Za-z\d][A-Za-z\d_.-]{0,63}$/;
/** A colon would end it in `Authorization: Basic`. */
const KEY = /^[!-+\--9;-~]{1,512}$/;

const FORM = 'must be a comma list of name:key or name:key:server';

/** A comma list of `name:key` or `name:key:server`. */
export const apiKeys: Parser<readonly ApiKey[]> = (text) => {
  const keys = sourceItems(text, FORM).map(([source, rest]) => {
    const [key = '', mark, ...more] = rest.split(':');
    if (!KEY.test(key) || more.length > 0 || (mark !== undefined && mark !== SERVER_MARK)) {
      throw new InvalidValueError(
        `${FORM}; a key has 1 to 512 visible ASCII characters without colon and comma`,
      );
    }
    return { source, key, isServer: mark !== undefined };
  });
  if (new Set(keys.map(({ key }) => key)).size < keys.length) {
    throw new InvalidValueError('holds one key twice; each key stands for one source');
  }
  return keys;
};

/** A comma list of `name:rps`, whole numbers above 0. */
export const sourceRates: Parser<ReadonlyMap<string, number>> = (text) => {
  const form = 'must be a comma list of name:rps, such as shop:200';
  const rates = sourceItems(text, form).map(([source, rate]) => {
    if (!/^[1-9]\d{0,6}$/.test(rate)) {
      throw new InvalidValueError(`${form}, with whole numbers from 1 to 9999999`);
    }
    return [source, Number(rate)] as const;
  });
  if (new Map(rates).size < rates.length) {
    throw new InvalidValueError('names a source twice');
  }
  return new Map(rates);
};

/** As the variable is written, without the keys. */
export function maskedKeys(keys: readonly ApiKey[], mask: string): string {
  return keys
    .map(({ source, isServer }) => [source, mask, ...(isServer ? [SERVER_MARK] : [])].join(':'))
    .join(',');
}

/** The items of a comma list by what stands before their first colon. */
function sourceItems(text: string, form: string): (readonly [source: string, rest: string])[] {
  const items = list(text);
  if (items.length === 0) {
    throw new InvalidValueError(form);
  }
  return items.map((item) => {
    const colon = item.indexOf(':');
    const source = item.slice(0, Math.max(0, colon));
    if (!NAME.test(source) || source === NO_SOURCE) {
      throw new InvalidValueError(
        `${form}; a name has 1 to 64 letters, digits, dots, hyphens and underscores, and is not ${NO_SOURCE}`,
      );
    }
    return [source, item.slice(colon + 1)];
  });
}
