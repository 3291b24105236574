import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAPPING, type Reading } from '../src/ingestion/segment/mapping.js';

const SEGMENT = 'docs/integration/segment.md';
const SDKS = 'docs/integration/sdks.md';
/** With the lines that the documents show between two marks. */
const PROGRAMS = [
  'segment-node.mjs',
  'pages/segment.html',
  'python.py',
  'go/main.go',
  'java/Main.java',
  'pages/rudder.html',
  'rudder-node.mjs',
].map((path) => `test/sdks/programs/${path}`);

const KINDS: Readonly<Record<Reading, string>> = {
  address: "the client's address",
  boolean: 'true or false',
  id: 'text, or a number as text',
  key: 'the key, if the request has none',
  number: 'number',
  object: 'object',
  page: 'the address of the page: see below',
  query: 'text, without `?`',
  referrer: 'text, and `url.referrer_hostname` from it',
  'sent at': "the client's clock: corrects `ts`",
  text: 'text',
  time: 'as [`ts`](../api.md#the-event)',
  traits: 'object: fills up what is there',
};

function mappingTable(): string {
  const rows = [
    ['theirs', 'ours', 'kind'],
    ...MAPPING.map(({ from, to, as }) => [
      `\`${from}\``,
      to === '' || as === 'sent at' ? 'not stored' : `\`${to.replace('.0.', '[0].')}\``,
      KINDS[as],
    ]),
  ];
  const widths = [0, 1, 2].map((n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const line = (cells: readonly string[], filler = ' '): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0, filler)).join(' | ')} |`;
  const [head = [], ...others] = rows;
  return [line(head), line(['', '', ''], '-'), ...others.map((row) => line(row))].join('\n');
}

function snippetOf(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes('docs:begin'));
  const shown = lines.slice(
    begin + 1,
    lines.findIndex((line) => line.includes('docs:end')),
  );
  const indents = shown.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  return shown
    .map((line) => line.slice(Math.min(...indents)))
    .join('\n')
    .trim();
}

describe('the documents of the Segment HTTP API', () => {
  it('have the table from which messages are read', async () => {
    const page = readFileSync(SEGMENT, 'utf8');
    const fresh = page.replace(
      /(?<=<!-- mapping -->\n).*?(?=<!-- \/mapping -->)/s,
      () => `\n${mappingTable()}\n\n`,
    );
    expect(fresh).toContain('`context.campaign.name`');
    await expect(fresh).toMatchFileSnapshot(`../${SEGMENT}`);
  });

  it.each(PROGRAMS)('show the lines of %s as they ran', (path) => {
    const snippet = snippetOf(path);
    expect(snippet.length).toBeGreaterThan(20);
    expect(readFileSync(SDKS, 'utf8')).toContain(snippet);
  });
});
