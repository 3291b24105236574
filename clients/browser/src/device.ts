import { attempt } from './attempt.js';

/** What is not in TypeScript's DOM types yet. */
interface Navigator extends globalThis.Navigator {
  deviceMemory?: number;
  userAgentData?: { brands: { brand: string; version: string }[]; mobile: boolean };
  connection?: { effectiveType?: string; downlink?: number; rtt?: number; saveData?: boolean };
}

/**
 * What the browser says of its device without asking the user. Nothing is measured or drawn to tell devices apart; the
 * server adds browser and system from the User-Agent.
 */
export function readDevice(canStore: boolean | undefined): Record<string, unknown> {
  const nav = navigator as Navigator;
  const agent = nav.userAgentData;
  const network = nav.connection;
  const { width, height, availWidth, availHeight, colorDepth, pixelDepth } = screen;
  return {
    ua_brands: agent?.brands.map(({ brand, version }) => `${brand} ${version}`),
    ua_mobile: agent?.mobile,
    language: nav.language,
    languages: nav.languages,
    tz: attempt(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
    tz_offset_minutes: -new Date().getTimezoneOffset(),
    viewport_w: innerWidth,
    viewport_h: innerHeight,
    device_pixel_ratio: devicePixelRatio,
    hardware_concurrency: nav.hardwareConcurrency,
    device_memory: nav.deviceMemory,
    maxTouchPoints: nav.maxTouchPoints,
    prefers_color_scheme: prefers('color-scheme: dark') ? 'dark' : 'light',
    prefers_reduced_motion: prefers('reduced-motion'),
    cookie_enabled: nav.cookieEnabled,
    storage_available: canStore,
    network_effective_type: network?.effectiveType,
    network_downlink: network?.downlink,
    network_rtt: network?.rtt,
    network_save_data: network?.saveData,
    screens: [{ width, height, availWidth, availHeight, colorDepth, pixelDepth }],
  };
}

function prefers(feature: string): boolean {
  return matchMedia(`(prefers-${feature})`).matches;
}
