import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { linkEvent } from './clicks.js';

beforeEach(() => {
  vi.stubGlobal('location', new URL('https://site.example/page'));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function link(href: string, attributes: readonly string[] = []) {
  const { protocol, host, pathname } = new URL(href);
  return { protocol, host, pathname, hasAttribute: (name: string) => attributes.includes(name) };
}

describe('a link', () => {
  it.each([
    ['https://other.example/a', 'outbound_link'],
    ['https://www.site.example/', 'outbound_link'],
    ['https://site.example/other', undefined],
    ['https://site.example/report.pdf', 'download'],
    ['https://site.example/report.pdf?x=.html', 'download'],
    ['https://site.example/a?file=report.pdf', undefined],
    ['https://other.example/archive.tar.GZ', 'download'],
    ['mailto:someone@site.example', undefined],
    ['tel:+123', undefined],
    ['javascript:void(0)', undefined],
  ])('to %s is %s', (href, expected) => {
    expect(linkEvent(link(href))).toBe(expected);
  });

  it('that is marked as a download is one', () => {
    expect(linkEvent(link('https://site.example/report', ['download']))).toBe('download');
  });
});
