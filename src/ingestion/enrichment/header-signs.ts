import { brandsOf, hintText } from './client-hints.js';

/** What the signs look at. Each is a header's text, empty when it is not there. */
export interface BotHeaders {
  readonly userAgent: string;
  /** `Sec-CH-UA` */
  readonly brands: string;
  /** `Sec-CH-UA-Platform` */
  readonly platform: string;
  readonly secFetchSite: string;
  readonly from: string;
  readonly signatureAgent: string;
}

export interface Sign {
  /** As it stands in `reasons`. */
  readonly name: string;
  isIn(headers: BotHeaders): boolean;
}

/**
 * Nobody sends these but what is automated.
 * - `headless`: Google's builds without a window name themselves so, whatever their User-Agent was set to (Chromium,
 *   `HeadlessContentClient`).
 * - `from`: RFC 9110, 10.1.2: robots say whom to write to; browsers do not send it.
 * - `signature_agent`: Web Bot Auth (draft-meunier-web-bot-auth-architecture): agents sign their requests and say whose
 *   they are, also those whose User-Agent is a browser's.
 */
export const AUTOMATION_MARKERS: readonly Sign[] = [
  { name: 'headless', isIn: ({ brands }) => brands.includes('"HeadlessChrome"') },
  { name: 'from', isIn: ({ from }) => from.includes('@') },
  { name: 'signature_agent', isIn: ({ signatureAgent }) => signatureAgent !== '' },
];

/**
 * What only a browser with a forged User-Agent sends. They look at User-Agents without a word that is not the
 * vendor's own: applications and smaller browsers put theirs together as they like. What is missing is no sign:
 * without HTTPS browsers send less, and proxies remove headers.
 */
export const CONTRADICTIONS: readonly Sign[] = [
  // Firefox and Safari send no client hints (MDN, browser compatibility of Sec-CH-UA).
  {
    name: 'hints_of_another_engine',
    isIn: ({ userAgent, brands }) =>
      brands !== '' && (firefoxVersion(userAgent) ?? safariVersion(userAgent)) !== undefined,
  },
  // Both are made of one value in Chromium (User-Agent Client Hints, 3.3); a phone that asks for desktop pages says
  // Linux or Android in the hint.
  { name: 'platform_mismatch', isIn: isOnAnotherPlatform },
  // Both are Chrome's one version (User-Agent Client Hints, 3.2).
  {
    name: 'version_mismatch',
    isIn: ({ userAgent, brands }) => {
      const claimed = chromeVersion(userAgent);
      const hinted = brandsOf(brands).find(({ name }) => name === 'Google Chrome')?.version;
      return claimed !== undefined && hinted !== undefined && Number(hinted) !== claimed;
    },
  },
  // Sec-Fetch-Site came with Chrome 76, Firefox 90 and Safari 16.4 (MDN, browser compatibility of Sec-Fetch-Site).
  // Applications on phones that show pages, and have a User-Agent from long ago, are no forgery.
  {
    name: 'headers_of_a_newer_browser',
    isIn: ({ userAgent, secFetchSite }) =>
      secFetchSite !== '' &&
      !/Android|Mobile/.test(userAgent) &&
      ((chromeVersion(userAgent) ?? Infinity) < 76 ||
        (firefoxVersion(userAgent) ?? Infinity) < 90 ||
        (safariVersion(userAgent) ?? Infinity) < 16.4),
  },
];

const CHROME =
  /^Mozilla\/5\.0 \([^()]+\) AppleWebKit\/537\.36 \(KHTML, like Gecko\) Chrome\/(\d+)\.0\.\d+\.\d+(?: Mobile)? Safari\/537\.36$/;
const FIREFOX = /^Mozilla\/5\.0 \([^()]+; rv:[\d.]+\) Gecko\/[\d.]+ Firefox\/(\d+)\.[\d.]+$/;
const SAFARI =
  /^Mozilla\/5\.0 \((?:Macintosh|iPhone|iPad);[^()]+\) AppleWebKit\/[\d.]+ \(KHTML, like Gecko\) Version\/(\d+(?:\.\d)?)[\d.]*(?: Mobile\/\w+)? Safari\/[\d.]+$/;

function chromeVersion(userAgent: string): number | undefined {
  return numberIn(CHROME, userAgent);
}

function firefoxVersion(userAgent: string): number | undefined {
  return numberIn(FIREFOX, userAgent);
}

function safariVersion(userAgent: string): number | undefined {
  return numberIn(SAFARI, userAgent);
}

function numberIn(pattern: RegExp, userAgent: string): number | undefined {
  const number = pattern.exec(userAgent)?.[1];
  return number === undefined ? undefined : Number(number);
}

function isOnAnotherPlatform({ userAgent, platform }: BotHeaders): boolean {
  if (chromeVersion(userAgent) === undefined) {
    return false;
  }
  const isWindows = userAgent.includes('(Windows NT ');
  const isMac = userAgent.includes('(Macintosh; ');
  switch (hintText(platform)) {
    case 'Windows':
      return !isWindows;
    case 'macOS':
      return !isMac;
    case 'Linux':
      return isWindows || isMac;
    default:
      return false;
  }
}
