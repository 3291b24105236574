import type { IncomingHttpHeaders } from 'node:http';

/** What a request brings to show who sends it. Admission alone sees it: it must not be stored or logged. */
export interface Sender {
  readonly key: string | undefined;
  /** As it came; whether it has the form of one is not known yet. */
  readonly signature: string | undefined;
}

export interface SeparatedQuery {
  /** The rest, as it was sent. */
  readonly query: string;
  readonly key: string | undefined;
  readonly signature: string | undefined;
  /** The client's clock when the request left, as it was sent. */
  readonly sentAt: string | undefined;
}

export const SIGNATURE_HEADER = 'x-gotrack-hmac';
/** What the Go service's client sends while it has no key to sign with. */
const NO_SIGNATURE_YET = 'tracking';

export const KEY_PARAMETER = 'gt_key';
const SIGNATURE_PARAMETER = 'gt_hmac';
const SENT_AT_PARAMETER = 'gt_sent_at';
const PARAMETERS = [KEY_PARAMETER, SIGNATURE_PARAMETER, SENT_AT_PARAMETER] as const;
type Parameter = (typeof PARAMETERS)[number];
/** With each character percent-encoded. */
const MAX_NAME_LENGTH = 3 * SENT_AT_PARAMETER.length;

/** The first that is there counts: a header before the query, since a page's address may bring an old key. */
export function senderOf(headers: IncomingHttpHeaders, fromQuery: SeparatedQuery): Sender {
  return {
    key: keyOfHeader(headers.authorization) ?? fromQuery.key,
    signature: signatureOf(headers[SIGNATURE_HEADER]) ?? signatureOf(fromQuery.signature),
  };
}

/**
 * Takes what is said of the request out of its query: of each, the first that is not empty counts, and all are removed.
 * @param query without `?`
 */
export function separateQuery(query: string): SeparatedQuery {
  const found: Partial<Record<Parameter, string>> = {};
  let kept = '';
  let keptTo = 0;
  for (let start = 0; start < query.length;) {
    const next = query.indexOf('&', start);
    const end = next === -1 ? query.length : next;
    const name = mayBegin(query, start) ? parameterAt(query, start, end) : undefined;
    if (name !== undefined) {
      found[name] ||= new URLSearchParams(query.slice(start, end)).values().next().value as string;
      kept += query.slice(keptTo, start);
      keptTo = end + 1;
    }
    start = end + 1;
  }
  if (keptTo > 0) {
    kept += query.slice(keptTo);
  }
  return {
    query: keptTo === 0 ? query : kept.endsWith('&') ? kept.slice(0, -1) : kept,
    key: found[KEY_PARAMETER],
    signature: found[SIGNATURE_PARAMETER],
    sentAt: found[SENT_AT_PARAMETER],
  };
}

/** An address without what is said of a request in its query, else as it is. */
export function withoutSecrets(address: string): string {
  const queryAt = address.indexOf('?');
  if (queryAt === -1) {
    return address;
  }
  const given = address.slice(queryAt + 1);
  const hashAt = given.indexOf('#');
  const hash = hashAt === -1 ? '' : given.slice(hashAt);
  const query = hashAt === -1 ? given : given.slice(0, hashAt);
  const rest = separateQuery(query).query;
  return rest === query
    ? address
    : `${address.slice(0, queryAt)}${rest === '' ? '' : '?'}${rest}${hash}`;
}

/** The one that a part of a query is, in any case and however its name is percent-encoded. */
function parameterAt(query: string, start: number, end: number): Parameter | undefined {
  const equalsAt = query.indexOf('=', start);
  const nameEnd = equalsAt === -1 || equalsAt > end ? end : equalsAt;
  const length = nameEnd - start;
  if (length < KEY_PARAMETER.length || length > MAX_NAME_LENGTH) {
    return undefined;
  }
  const raw = query.slice(start, nameEnd);
  const name = (raw.includes('%') ? decodedName(raw) : raw).toLowerCase();
  return PARAMETERS.find((parameter) => parameter === name);
}

/** Whether a name of ours may begin there. */
function mayBegin(query: string, start: number): boolean {
  const first = query[start];
  return first === 'g' || first === 'G' || first === '%';
}

function decodedName(raw: string): string {
  return new URLSearchParams(raw).keys().next().value as string;
}

function signatureOf(value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  const text = String(value).trim();
  return text === '' || text === NO_SIGNATURE_YET ? undefined : text;
}

/** The token of Bearer, or the user of Basic; other schemes are not ours. */
function keyOfHeader(authorization: string | undefined): string | undefined {
  if (authorization === undefined) {
    return undefined;
  }
  const match = /^(?<scheme>bearer|basic) +(?<value>\S+)$/i.exec(authorization.trim());
  const { scheme = '', value = '' } = match?.groups ?? {};
  if (scheme.toLowerCase() !== 'basic') {
    return value || undefined;
  }
  return Buffer.from(value, 'base64').toString('utf8').split(':', 1)[0] || undefined;
}
