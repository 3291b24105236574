import { describe, expect, it } from 'vitest';
import { HealthController } from './health.controller.js';
import { type Check, Readiness } from './readiness.js';

function readyz(readiness: Readiness) {
  let code = 0;
  const reply = { status: (status: number) => (code = status) };
  const controller = new HealthController(readiness, { alive: 'ok', withErrors: true });
  const answer = controller.readyz(reply as never);
  return { code, ...answer };
}

const sink = (status: Check['status'], error?: string): Check => ({
  name: 'sink:log',
  state: status,
  status,
  error,
});

describe('readiness', () => {
  it('is unavailable until the collector has started, and once it drains', () => {
    const readiness = new Readiness();
    expect(readyz(readiness)).toMatchObject({ code: 503, checks: { process: 'starting' } });
    readiness.started();
    expect(readyz(readiness)).toEqual({
      code: 200,
      status: 'ok',
      checks: { process: 'running' },
      errors: {},
    });
    readiness.drainBegun();
    expect(readyz(readiness)).toMatchObject({ code: 503, status: 'unavailable' });
  });

  it('is as bad as the worst of the checks', () => {
    const readiness = new Readiness();
    readiness.started();
    let found = sink('up');
    readiness.add(() => found);
    readiness.add(() => ({ name: 'queue', state: 'accepting', status: 'up' }));
    expect(readyz(readiness)).toMatchObject({ code: 200, status: 'ok' });
    found = sink('degraded', 'gone');
    expect(readyz(readiness)).toEqual({
      code: 200,
      status: 'degraded',
      checks: { process: 'running', 'sink:log': 'degraded', queue: 'accepting' },
      errors: { 'sink:log': 'gone' },
    });
    readiness.add(() => ({ name: 'other', state: 'disk', status: 'down' }));
    expect(readyz(readiness)).toMatchObject({ code: 503, status: 'unavailable' });
  });
});
