import { describe, expect, it } from 'vitest';
import { PathsOptions } from './paths.options.js';
import { rewriteTarget } from './rewrite-target.js';

const SIGNED = { 'x-gotrack-hmac': 'ab' };

function rewriter({
  signatures = false,
  ...paths
}: Partial<PathsOptions & { signatures: boolean }>) {
  return rewriteTarget(Object.assign(new PathsOptions(), paths), { signatures });
}

describe('rewriteTarget', () => {
  const further = rewriter({ collectPaths: ['/', '/e'], pixelPaths: ['/p', '/e'] });

  it.each([
    ['POST', '/', '/collect'],
    ['POST', '/?a=/e', '/collect?a=/e'],
    ['POST', '/e', '/collect'],
    ['GET', '/e?e=x', '/px.gif?e=x'],
    ['HEAD', '/p', '/px.gif'],
    ['DELETE', '/p', '/px.gif'],
    ['DELETE', '/e', '/collect'],
    ['POST', 'http://host.example/e?x', '/collect?x'],
    ['POST', 'http://host.example', '/collect'],
    ['POST', '/e/', '/e/'],
    ['POST', '/E', '/E'],
    ['GET', '/healthz?x', '/healthz?x'],
    ['OPTIONS', '*', '*'],
  ])('makes of %s %s %s', (method, url, target) => {
    expect(further({ method, url, headers: {} })).toBe(target);
  });

  it('collects a signed POST on any path that no route has, while signatures are on', () => {
    const on = rewriter({ signatures: true });
    const post = (url: string, headers = {}) => on({ method: 'POST', url, headers });
    expect(post('/landing?a=1', SIGNED)).toBe('/collect?a=1');
    expect(post('/', { 'x-gotrack-hmac': 'tracking' })).toBe('/collect');
    expect(post('/landing')).toBe('/landing');
    expect(post('/healthz', SIGNED)).toBe('/healthz');
    expect(post('/px%2Egif', SIGNED)).toBe('/px%2Egif');
    expect(post('/%', SIGNED)).toBe('/collect');
    expect(on({ method: 'GET', url: '/landing', headers: SIGNED })).toBe('/landing');
    const off = rewriter({});
    expect(off({ method: 'POST', url: '/landing', headers: SIGNED })).toBe('/landing');
  });
});

describe('PathsOptions', () => {
  const faultsOf = (given: Partial<PathsOptions>) =>
    Object.assign(new PathsOptions(), given)
      .faults()
      .map(({ name }) => name);

  it("refuses a path of GoTrack's own", () => {
    expect(faultsOf({ collectPaths: ['/e', '/healthz'] })).toEqual(['COLLECT_PATH']);
    expect(faultsOf({ collectPaths: ['/px.gif'], pixelPaths: ['/collect'] })).toEqual([
      'COLLECT_PATH',
      'PIXEL_PATH',
    ]);
    expect(faultsOf({ pixelPaths: ['/%68ealthz'] })).toEqual(['PIXEL_PATH']);
  });

  it('takes a path twice where the method tells, and the path that is there anyway', () => {
    expect(faultsOf({ collectPaths: ['/e', '/collect'], pixelPaths: ['/e'] })).toEqual([]);
  });
});
