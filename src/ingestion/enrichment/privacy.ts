import type { IncomingHttpHeaders } from 'node:http';

export const PRIVACY_MODES = ['anonymize', 'drop', 'ignore'] as const;
export type PrivacyMode = (typeof PRIVACY_MODES)[number];

/**
 * What becomes of the events of a request: kept whole (`ignore`), kept without session and address
 * (`anonymize`), or not kept (`drop`).
 * @param mode what DNT (Do Not Track) or Global Privacy Control is to do
 */
export function privacyOf(headers: IncomingHttpHeaders, mode: PrivacyMode): PrivacyMode {
  return isSet(headers['dnt']) || isSet(headers['sec-gpc']) ? mode : 'ignore';
}

/** Node joins a header that was sent twice: whoever says it once means it. */
function isSet(signal: string | string[] | undefined): boolean {
  return signal !== undefined && String(signal).split(/, ?/).includes('1');
}
