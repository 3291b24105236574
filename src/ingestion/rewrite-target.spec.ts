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

describe("the client's files", () => {
  const hash = '0123456789abcdef';

  it.each([
    ['/pixel.js', '/pixel.js'],
    ['/pixel.umd.js?v=1', '/pixel.umd.js?v=1'],
    [`/pixel.${hash}.js`, '/pixel.js'],
    [`http://host.example/pixel.lite.${hash}.js`, '/pixel.lite.js'],
    [`/pixel.${hash}.umd.js`, `/pixel.${hash}.umd.js`],
    ['/pixel.0123.js', '/pixel.0123.js'],
    ['/pixel.other.js', '/pixel.other.js'],
  ])('lead from %s to %s', (url, target) => {
    expect(rewriter({})({ method: 'GET', url, headers: {} })).toBe(target);
  });

  it.each([
    ['GET', '/t/app.js', '/pixel.js'],
    ['POST', '/t/app.esm.js', '/pixel.esm.js'],
    ['GET', `/t/app.auto.${hash}.js?a`, '/pixel.auto.js?a'],
    ['GET', '/pixel.js?a', '/pixel.js/?a'],
    ['GET', '/pixel%2Ejs', '/pixel%2Ejs/'],
    ['GET', `/pixel.${hash}.js`, `/pixel.${hash}.js`],
    ['POST', '/pixel.js', '/collect'],
  ])('move with CLIENT_PATH: %s %s', (method, url, target) => {
    const moved = rewriter({ clientPath: '/t/app', signatures: true });
    expect(moved({ method, url, headers: SIGNED })).toBe(target);
  });

  it('may take the place of one another', () => {
    const moved = rewriter({ clientPath: '/pixel.umd' });
    expect(moved({ method: 'GET', url: '/pixel.umd.js', headers: {} })).toBe('/pixel.js');
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

  it("refuses what the client's files need, and files where something else is", () => {
    expect(faultsOf({ clientPath: '/hmac' })).toEqual(['CLIENT_PATH']);
    expect(faultsOf({ clientPath: '/%68mac' })).toEqual(['CLIENT_PATH']);
    expect(faultsOf({ collectPaths: ['/pixel.js'] })).toEqual(['COLLECT_PATH']);
    const moved = { clientPath: '/t/app', collectPaths: ['/pixel.js'] };
    expect(faultsOf({ ...moved, pixelPaths: ['/t/app.lite.js'] })).toEqual(['PIXEL_PATH']);
    expect(faultsOf(moved)).toEqual([]);
  });

  it('takes a path twice where the method tells, and the path that is there anyway', () => {
    expect(faultsOf({ collectPaths: ['/e', '/collect'], pixelPaths: ['/e'] })).toEqual([]);
  });
});
