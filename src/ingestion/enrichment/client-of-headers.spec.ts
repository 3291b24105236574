import { describe, expect, it } from 'vitest';
import { BROWSERS } from '../../../test/fixtures/user-agents.js';
import { type ClientHeaders, clientOfHeaders } from './client-of-headers.js';

const NO_HINTS: ClientHeaders = {
  userAgent: '',
  brands: '',
  fullVersions: '',
  platform: '',
  platformVersion: '',
  mobile: '',
  formFactors: '',
};
const WINDOWS =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const ANDROID =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

describe('what headers say of a client', () => {
  it('is looked for in at least the 30 most used browsers', () => {
    expect(BROWSERS.length).toBeGreaterThanOrEqual(30);
  });

  it.each(BROWSERS)('is read in %s', (userAgent, client) => {
    expect(clientOfHeaders({ ...NO_HINTS, userAgent })).toEqual(client);
  });

  it.each(['', 'curl/8.9.1', 'nonsense', '('.repeat(500)])('is nothing in %j', (userAgent) => {
    expect(clientOfHeaders({ ...NO_HINTS, userAgent })).toBeUndefined();
  });

  it.each<[string, Partial<ClientHeaders>, object]>([
    [
      'the version of Windows, which User-Agent no longer says',
      { userAgent: WINDOWS, platform: '"Windows"', platformVersion: '"15.0.0"' },
      { os: 'Windows', os_version: '11' },
    ],
    [
      'Windows 10',
      { userAgent: WINDOWS, platform: '"Windows"', platformVersion: '"10.0.0"' },
      { os: 'Windows', os_version: '10' },
    ],
    [
      'the version of Android and the device, which User-Agent no longer says',
      { userAgent: ANDROID, platform: '"Android"', platformVersion: '"16.0.0"', mobile: '?1' },
      { os: 'Android', os_version: '16', device: 'mobile' },
    ],
    [
      'a tablet',
      { userAgent: ANDROID, platform: '"Android"', mobile: '?0' },
      { os: 'Android', device: 'tablet' },
    ],
    [
      'the form of the device',
      { userAgent: ANDROID, platform: '"Android"', mobile: '?0', formFactors: '"XR"' },
      { device: 'xr' },
    ],
    [
      'a browser whose User-Agent is that of Chrome',
      { userAgent: WINDOWS, brands: '"Brave";v="140", "Chromium";v="140", "Not=A?Brand";v="24"' },
      { browser: 'Brave', browser_version: '140' },
    ],
    [
      'the full version',
      {
        userAgent: WINDOWS,
        brands: '"Chromium";v="140", "Google Chrome";v="140"',
        fullVersions:
          '"Chromium";v="140.0.7339.81", "Google Chrome";v="140.0.7339.81", "Not/A;Brand";v="99.0"',
      },
      { browser: 'Chrome', browser_version: '140.0.7339.81' },
    ],
    [
      'Chromium itself',
      { userAgent: WINDOWS, brands: '"Not:A-Brand";v="8", "Chromium";v="140"' },
      { browser: 'Chromium', browser_version: '140' },
    ],
    [
      'the system behind a page for desktops',
      {
        userAgent: WINDOWS.replace('Windows NT 10.0; Win64; x64', 'X11; Linux x86_64'),
        platform: '"Android"',
      },
      { os: 'Android' },
    ],
  ])('outranks User-Agent where hints say %s', (_, headers, client) => {
    expect(clientOfHeaders({ ...NO_HINTS, ...headers })).toMatchObject(client);
  });

  it('keeps the name of an application that shows pages in WebView', () => {
    const userAgent = `${ANDROID} Instagram 390.0.0.28.85 Android`;
    const brands = '"Android WebView";v="140", "Chromium";v="140", "Not:A-Brand";v="8"';
    expect(clientOfHeaders({ ...NO_HINTS, userAgent, brands })).toMatchObject({
      browser: 'Instagram',
      browser_version: '390.0.0.28.85',
    });
  });

  it('has no version of a system that User-Agent is not about', () => {
    const headers = { userAgent: WINDOWS.replace('10.0', '6.1'), platform: '"Linux"' };
    expect(clientOfHeaders({ ...NO_HINTS, ...headers })).not.toHaveProperty('os_version');
  });

  it('is short, whatever a client sends', () => {
    const brands = `"${'x'.repeat(400)}";v="${'1'.repeat(100)}"`;
    expect(clientOfHeaders({ ...NO_HINTS, brands })).toEqual({
      browser: 'x'.repeat(64),
      browser_version: '1'.repeat(64),
    });
  });
});
