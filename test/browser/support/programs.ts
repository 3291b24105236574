import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  debianTree,
  installedProgram,
  programIn,
  type Program,
} from '../../support/servers/debian-program.js';

/** A browser and its libraries are a hundred megabytes: they are fetched where none is installed, and once. */
export function chromiumProgram(): Program | undefined {
  // The real one: a wrapper adds flags of the machine's.
  const installed = ['/usr/lib/chromium/chromium', '/opt/google/chrome/chrome'].find((path) =>
    existsSync(path),
  );
  return installed === undefined
    ? unpacked(['chromium'], 'usr/lib/chromium/chromium')
    : { path: installed, environment: {} };
}

export function firefoxProgram(): Program | undefined {
  const installed = installedProgram('firefox-esr') ?? installedProgram('firefox');
  return installed === undefined
    ? unpacked(['firefox-esr'], 'usr/lib/firefox-esr/firefox-esr')
    : { path: installed, environment: {} };
}

export interface WebKitProgram {
  readonly driver: Program;
  /** The browser that the driver starts. */
  readonly browser: string;
  /** Where the driver has to be started. */
  readonly directory: string;
}

/** WebKitGTK's MiniBrowser, and the driver that starts it. */
export function webkitProgram(): WebKitProgram | undefined {
  const places = 'usr/lib/*-linux-gnu/webkit2gtk-4.1/MiniBrowser';
  const installed = installedProgram('WebKitWebDriver');
  const browser = programIn('/', [places]);
  if (installed !== undefined && browser !== undefined) {
    return {
      driver: { path: installed, environment: {} },
      browser: browser.path,
      directory: '/',
    };
  }
  const tree = debianTree(['webkit2gtk-driver']);
  const driver = tree === undefined ? undefined : programIn(tree, ['usr/bin/WebKitWebDriver']);
  const unpackedBrowser = tree === undefined ? undefined : programIn(tree, [places]);
  if (!driver || !unpackedBrowser) {
    return undefined;
  }
  const own = dirname(unpackedBrowser.path);
  const libraries = dirname(own);
  // The library has the place of its processes built in: it is sought where they are started instead.
  replaceString(
    join(libraries, 'libwebkit2gtk-4.1.so.0'),
    own.slice(tree?.length ?? 0),
    './webkit2gtk-4.1',
  );
  return {
    driver: {
      path: driver.path,
      environment: {
        ...driver.environment,
        GIO_EXTRA_MODULES: join(libraries, 'gio/modules'),
      },
    },
    browser: unpackedBrowser.path,
    directory: libraries,
  };
}

export interface DisplayProgram extends Program {
  readonly directory: string;
}

/** A display that shows nothing. */
export function displayProgram(): DisplayProgram | undefined {
  const installed = installedProgram('Xvfb');
  if (installed !== undefined && installedProgram('xkbcomp') !== undefined) {
    return { path: installed, environment: {}, directory: '/' };
  }
  const tree = debianTree(['xvfb', 'x11-xkb-utils']);
  const server = tree === undefined ? undefined : programIn(tree, ['usr/bin/Xvfb']);
  if (!server) {
    return undefined;
  }
  replaceString(server.path, '/usr/bin', '.');
  return { ...server, directory: dirname(server.path) };
}

function unpacked(packages: readonly string[], place: string): Program | undefined {
  const tree = debianTree(packages);
  return tree === undefined ? undefined : programIn(tree, [place]);
}

/** Strings of C that begin with it, in a program of ours: the unpacked copy. */
function replaceString(path: string, beginning: string, replacement: string): void {
  const bytes = readFileSync(path);
  const sought = Buffer.from(`\0${beginning}`);
  let replaced = false;
  for (let at = bytes.indexOf(sought); at !== -1; at = bytes.indexOf(sought, at + 1)) {
    const end = bytes.indexOf(0, at + 1);
    const rest = bytes.subarray(at + sought.length, end);
    // `/usr/bin` is the beginning of itself and of what is below it, not of `/usr/binary`.
    if (rest.length > 0 && rest[0] !== '/'.charCodeAt(0)) {
      continue;
    }
    const string = Buffer.concat([Buffer.from(replacement), rest]);
    bytes.fill(0, at + 1, end);
    string.copy(bytes, at + 1);
    replaced = true;
  }
  if (replaced) {
    writeFileSync(path, bytes);
  }
}
