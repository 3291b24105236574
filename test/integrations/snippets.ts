import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A block of code in a page of docs/integration. */
export interface Snippet {
  /** Such as `html`. */
  readonly language: string;
  /** The file that it is, where the line before it says so: `src/App.jsx`: */
  readonly file: string | undefined;
  readonly code: string;
}

const BLOCK =
  /(?:^ *`(?<file>[^`\n]+)`:\n\n)?^(?<indent> *)```(?<language>\w*)\n(?<code>.*?)^ *```$/gms;

export function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(join('docs/integration', page), 'utf8');
  return Array.from(text.matchAll(BLOCK), ({ groups = {} }) => ({
    language: groups['language'] ?? '',
    file: groups['file'],
    code: (groups['code'] ?? '').replaceAll(new RegExp(`^${groups['indent'] ?? ''}`, 'gm'), ''),
  }));
}

/** The markup of a page, in its order, with the collector in the place of the example's. */
export function markupOf(page: string, collectorUrl: string): readonly string[] {
  return snippetsOf(page)
    .filter(({ language }) => language === 'html')
    .map(({ code }) => code.replaceAll('https://t.example.com', collectorUrl));
}
