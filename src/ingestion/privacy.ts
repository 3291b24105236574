import type { IncomingHttpHeaders } from 'node:http';

export const PRIVACY_MODES = ['anonymize', 'drop', 'ignore'] as const;
export type PrivacyMode = (typeof PRIVACY_MODES)[number];

/**
 * What becomes of the events of a request: kept whole (`ignore`), kept without session and address
 * (`anonymize`), or not kept (`drop`).
 * @param mode what DNT (Do Not Track) or Global Privacy Control is to do
 */
export function privacyOf(headers: IncomingHttpHeaders, mode: PrivacyMode): PrivacyMode {
  return headers['dnt'] === '1' || headers['sec-gpc'] === '1' ? mode : 'ignore';
}
