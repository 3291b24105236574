import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countLines, type Line, readLastLines, readLines } from './read-lines.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-lines-'));
});

afterEach(() => rm(directory, { recursive: true }));

const texts = (lines: readonly Line[]): string[] => lines.map(({ bytes }) => bytes.toString());
const someLines = fc.array(fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\n', ' ')));

async function withFile<T>(
  content: string,
  use: (handle: Awaited<ReturnType<typeof open>>, size: number) => Promise<T>,
): Promise<T> {
  const path = join(directory, 'lines');
  await writeFile(path, content);
  const handle = await open(path, 'r+');
  try {
    return await use(handle, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

describe('readLines', () => {
  it('gives every line once, from wherever the last call ended', async () => {
    await fc.assert(
      fc.asyncProperty(someLines, fc.integer({ min: 1, max: 40 }), async (lines, bytes) => {
        const read = await withFile(lines.map((line) => `${line}\n`).join(''), async (handle) => {
          const all: Line[] = [];
          for (;;) {
            const next = await readLines(handle, all.at(-1)?.end ?? 0, bytes);
            if (next.length === 0) {
              return all;
            }
            all.push(...next);
          }
        });
        expect(texts(read)).toEqual(lines);
      }),
    );
  });

  it('takes a last line without its newline', async () => {
    const lines = await withFile('a\nb', (handle) => readLines(handle, 0, 100));
    expect(lines).toMatchObject([
      { start: 0, end: 2 },
      { start: 2, end: 3 },
    ]);
    expect(texts(lines)).toEqual(['a', 'b']);
  });
});

describe('readLastLines', () => {
  it('gives every line once, from the end, when each call cuts off what it gave', async () => {
    await fc.assert(
      fc.asyncProperty(someLines, fc.integer({ min: 1, max: 40 }), async (lines, bytes) => {
        const read = await withFile(
          lines.map((line) => `${line}\n`).join(''),
          async (handle, size) => {
            const all: Line[] = [];
            for (let left = size; left > 0;) {
              const last = await readLastLines(handle, left, bytes);
              all.unshift(...last);
              left = last[0]?.start ?? 0;
              await handle.truncate(left);
            }
            return all;
          },
        );
        expect(texts(read)).toEqual(lines);
      }),
    );
  });
});

it('counts whole lines', async () => {
  await writeFile(join(directory, 'lines'), 'a\n\nb\ntorn');
  expect(await countLines(join(directory, 'lines'))).toBe(3);
});
