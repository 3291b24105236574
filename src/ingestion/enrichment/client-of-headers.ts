import { UAParser } from 'ua-parser-js';
import { type Brand, brandsOf, hintText } from './client-hints.js';

/** What runs the page, as `server.client` says it. */
export interface Client {
  readonly browser?: string;
  readonly browser_version?: string;
  readonly os?: string;
  readonly os_version?: string;
  readonly device?: string;
}

/** Each is a header's text, empty when it is not there. */
export interface ClientHeaders {
  readonly userAgent: string;
  readonly brands: string;
  readonly fullVersions: string;
  readonly platform: string;
  readonly platformVersion: string;
  readonly mobile: string;
  readonly formFactors: string;
}

type MutableClient = { -readonly [Name in keyof Client]: Client[Name] };

/** Characters: what a client writes there goes into each event. */
const MAX_LENGTH = 64;

/** One name for one thing, whichever header says it. */
const OS_NAMES: ReadonlyMap<string, string> = new Map([
  ['Mac OS', 'macOS'],
  ['Chromium OS', 'Chrome OS'],
]);
/** ua-parser-js names some distributions of Linux. */
const DESKTOPS: ReadonlySet<string> = new Set([
  'Windows',
  'macOS',
  'Linux',
  'Chrome OS',
  'FreeBSD',
  'OpenBSD',
  'NetBSD',
  'Solaris',
  'Arch',
  'CentOS',
  'Debian',
  'Fedora',
  'Gentoo',
  'Mint',
  'RedHat',
  'SUSE',
  'Ubuntu',
]);

const BROWSER_NAMES: ReadonlyMap<string, string> = new Map([
  ['Google Chrome', 'Chrome'],
  ['Microsoft Edge', 'Edge'],
  ['HeadlessChrome', 'Chrome Headless'],
  ['YaBrowser', 'Yandex'],
]);
/** Brands of an engine: an application that shows pages in it says its own name in User-Agent. */
const ENGINES = new Set(['Chromium', 'Android WebView', 'Microsoft Edge WebView2']);
/** What User-Agent says of a browser that does not say more. */
const PLAIN_CHROMIUM = 'Chrome';

/**
 * Browsers no longer say which version of these systems they run on: User-Agent has this one for every newer one, too.
 */
const FROZEN_VERSIONS: ReadonlyMap<string, string> = new Map([
  ['Windows', '10'],
  ['macOS', '10.15.7'],
  ['Android', '10'],
]);
/** Firefox's is frozen at this one. */
const FROZEN_FIREFOX_MACOS = '10.15';
/** `Sec-CH-UA-Platform-Version` of the first Windows 11. */
const WINDOWS_11 = 13;

const FORM_FACTORS: ReadonlyMap<string, string> = new Map([
  ['Desktop', 'desktop'],
  ['Mobile', 'mobile'],
  ['Tablet', 'tablet'],
  ['Watch', 'wearable'],
  ['XR', 'xr'],
  ['Automotive', 'embedded'],
]);
const DEVICE_TYPES: ReadonlyMap<string, string> = new Map([['smarttv', 'tv']]);

/** Client hints come before User-Agent, which browsers have frozen. Undefined when the headers say nothing. */
export function clientOfHeaders(headers: ClientHeaders): Client | undefined {
  const client: MutableClient = {};
  const parser = new UAParser(headers.userAgent);
  addBrowser(client, parser, headers);
  addSystem(client, parser, headers);
  const device = deviceOf(parser, headers, client.os);
  if (device !== undefined) {
    client.device = device;
  }
  for (const _ in client) {
    return client;
  }
  return undefined;
}

function addBrowser(client: MutableClient, parser: UAParser, headers: ClientHeaders): void {
  const said = parser.getBrowser();
  const brand = brandOf(headers);
  const isOutranked =
    brand !== undefined &&
    (!ENGINES.has(brand.name) || (said.name ?? PLAIN_CHROMIUM) === PLAIN_CHROMIUM);
  set(client, 'browser', isOutranked ? (BROWSER_NAMES.get(brand.name) ?? brand.name) : said.name);
  set(client, 'browser_version', shortVersion(isOutranked ? brand.version : said.version));
}

/** The one that says most: a browser lists its engine, too. */
function brandOf({ brands, fullVersions }: ClientHeaders): Brand | undefined {
  const all = brandsOf(fullVersions === '' ? brands : fullVersions);
  return (
    all.find(({ name }) => !ENGINES.has(name)) ??
    all.find(({ name }) => name !== 'Chromium') ??
    all[0]
  );
}

function addSystem(client: MutableClient, parser: UAParser, headers: ClientHeaders): void {
  const said = parser.getOS();
  const saidName = said.name && (OS_NAMES.get(said.name) ?? said.name);
  const hint = hintText(headers.platform);
  const hinted = hint === 'Unknown' ? '' : (OS_NAMES.get(hint) ?? hint);
  const name = hinted || saidName;
  set(client, 'os', name);
  const version = hintText(headers.platformVersion);
  if (hinted !== '' && version !== '') {
    set(
      client,
      'os_version',
      hinted === 'Windows' ? windowsVersion(version) : shortVersion(version),
    );
  } else if (name === saidName && !isFrozen(saidName, said.version)) {
    set(client, 'os_version', shortVersion(said.version));
  }
}

function isFrozen(name: string | undefined, version: string | undefined): boolean {
  return (
    name !== undefined &&
    (FROZEN_VERSIONS.get(name) === version ||
      (name === 'macOS' && version === FROZEN_FIREFOX_MACOS))
  );
}

/** The hint counts Windows' API, which Windows 11 begins at 13; 0 stands for those before 10. */
function windowsVersion(version: string): string | undefined {
  const major = Number.parseInt(version, 10);
  return major >= WINDOWS_11 ? '11' : major > 0 ? '10' : undefined;
}

function deviceOf(
  parser: UAParser,
  { formFactors, mobile }: ClientHeaders,
  os: string | undefined,
): string | undefined {
  const factor = FORM_FACTORS.get(hintText(formFactors));
  if (factor !== undefined) {
    return factor;
  }
  const { type } = parser.getDevice();
  if (mobile === '?1') {
    return 'mobile';
  }
  if (mobile === '?0' && type === 'mobile') {
    return 'tablet';
  }
  if (type !== undefined) {
    return DEVICE_TYPES.get(type) ?? type;
  }
  return os !== undefined && DESKTOPS.has(os) ? 'desktop' : undefined;
}

/** Without the zeros that a frozen version ends with. */
function shortVersion(version: string | undefined): string | undefined {
  return version?.replace(/(?:\.0+)+$/, '');
}

function set(client: MutableClient, name: keyof Client, value: string | undefined): void {
  if (value) {
    client[name] = value.slice(0, MAX_LENGTH);
  }
}
