import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md').toSorted(),
];
const MAX_README_LINES = 130;
/** A wider table wraps or scrolls where it is read. */
const MAX_TABLE_COLUMNS = 119;

/** What an old style of writing said for "again", "fix", "anyone who" and "continues". */
const BANNED_WORDS = /\b(?:anew|mend(?:s|ed|ing)?|whoever|goes on|go on|went on)\b/gi;
/** A sentence that begins with what it is about, and has no subject. */
const OF_SENTENCE = /\bOf .{0,20}/g;

/** The page without its code blocks, where `#` and `|` mean other things. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^ *```.*?^ *```$/gms, '');
}

function linksOf(page: string): string[] {
  return [...proseOf(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(
    ([, target = '']) => target,
  );
}

/** What Markdown makes of the headings, as GitHub does it. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of proseOf(page).matchAll(/^#{1,6} +(.+)$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\-_ ]/gu, '')
      .replaceAll(' ', '-');
    let free = anchor;
    for (let copy = 1; anchors.has(free); copy += 1) {
      free = `${anchor}-${copy}`;
    }
    anchors.add(free);
  }
  return anchors;
}

/** Why a link of a page leads nowhere; undefined when it leads somewhere. */
function faultOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (!existsSync(target)) {
    return `${page}: ${link} leads to no file`;
  }
  if (anchor === undefined) {
    return undefined;
  }
  if (!target.endsWith('.md') || !statSync(target).isFile()) {
    return `${page}: ${link} has an anchor, and the target has no headings`;
  }
  return anchorsOf(target).has(anchor) ? undefined : `${page}: ${link} leads to no heading`;
}

describe('the documents', () => {
  it('lead to files and headings that exist', () => {
    const links = PAGES.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
    expect(links.length).toBeGreaterThan(200);
    expect(links.flatMap(({ page, link }) => faultOf(page, link) ?? [])).toEqual([]);
  });

  it('are all reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const link of linksOf(page)) {
        const target = normalize(join(dirname(page), link.split('#', 1)[0] ?? ''));
        if (target.endsWith('.md') && existsSync(target)) {
          reached.add(target);
        }
      }
    }
    expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
  });

  it('have tables that fit a screen', () => {
    const wide = PAGES.flatMap((page) =>
      proseOf(page)
        .split('\n')
        .filter((line) => line.trimStart().startsWith('|') && line.length > MAX_TABLE_COLUMNS)
        .map((line) => `${page}: ${line}`),
    );
    expect(wide).toEqual([]);
  });

  it('are in plain English', () => {
    const found = PAGES.flatMap((page) =>
      [BANNED_WORDS, OF_SENTENCE].flatMap((pattern) =>
        (proseOf(page).match(pattern) ?? []).map((words) => `${page}: ${words.trim()}`),
      ),
    );
    expect(found).toEqual([]);
  });
});

describe('the source', () => {
  it('is in plain English, and has comments with a subject', () => {
    const sources = globSync('{src,bench}/**/*.ts').filter((path) => !path.endsWith('.spec.ts'));
    const comment = /^\s*(?:\/\*\*|\*|\/\/) Of [a-z].*$/gm;
    expect(sources.length).toBeGreaterThan(100);
    expect(
      sources.flatMap((path) => {
        const text = readFileSync(path, 'utf8');
        return [BANNED_WORDS, comment].flatMap((pattern) =>
          (text.match(pattern) ?? []).map((words) => `${path}: ${words.trim()}`),
        );
      }),
    ).toEqual([]);
  });
});

describe('the README', () => {
  it('is read in one go', () => {
    const lines = readFileSync('README.md', 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(MAX_README_LINES);
  });
});

describe('the version of Node.js', () => {
  const read = (path: string): string => readFileSync(path, 'utf8');
  const { engines, devDependencies } = JSON.parse(read('package.json')) as {
    engines: { node: string };
    devDependencies: Record<string, string>;
  };
  const major = read('.nvmrc').trim();

  it('is the same wherever it is named', () => {
    expect(major).toMatch(/^\d+$/);
    expect(engines.node).toBe(`>=${major}`);
    expect(devDependencies['node']?.split('.')[0]).toBe(major);
    expect(devDependencies['@types/node']).toBe(`^${major}`);
    const images = [...read('Dockerfile').matchAll(/^FROM node:(\d+)/gm)].map(([, tag]) => tag);
    expect(images.length).toBeGreaterThan(0);
    expect([...new Set(images)]).toEqual([major]);
    expect(read('.devcontainer/devcontainer.json')).toContain(`"image": "node:${major}"`);
  });
});
