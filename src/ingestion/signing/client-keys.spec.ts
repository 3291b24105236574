import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AdmissionOptions } from '../admission/admission.options.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { ClientKeys } from './client-keys.js';

const SECRET = 'a secret of 32 characters or more';
const BODY = Buffer.from('{"type":"signup"}');

function clientKeys(
  hmacSecret: string | undefined = SECRET,
  turns = new ParsingTurns(),
): ClientKeys {
  return new ClientKeys(Object.assign(new AdmissionOptions(), { hmacSecret }), turns);
}

/** As the Go service's client signs. */
function signed(client: string, body: Buffer, secret = SECRET): Buffer {
  const key = createHmac('sha256', secret).update(`client-key:${client}`).digest();
  return createHmac('sha256', key).update(body).digest();
}

describe('ClientKeys', () => {
  it('knows the signature of an IPv4 client', async () => {
    const keys = clientKeys();
    expect(await keys.verifies('192.0.2.7', BODY, signed('192.0.2.7', BODY))).toBe(true);
    expect(await keys.verifies('192.0.2.8', BODY, signed('192.0.2.7', BODY))).toBe(false);
  });

  it('knows that of an IPv6 client under its full address and under its /64', async () => {
    const keys = clientKeys();
    const address = '2001:db8:1:2:3:4:5:6';
    for (const client of [address, '2001:db8:1:2::/64']) {
      expect(await keys.verifies(address, BODY, signed(client, BODY))).toBe(true);
    }
    expect(await keys.verifies(address, BODY, signed('2001:db8:1:3::/64', BODY))).toBe(false);
    expect(await keys.verifies('2001:db8:1:2::9', BODY, signed(address, BODY))).toBe(false);
    expect(keys.keyFor(address)).toEqual(keys.keyFor('2001:db8:1:2::9'));
  });

  it('knows none of a client whose connection is gone', async () => {
    expect(await clientKeys().verifies(undefined, BODY, signed('', BODY))).toBe(false);
  });

  it('is off without a secret', () => {
    expect(new ClientKeys(new AdmissionOptions(), new ParsingTurns()).enabled).toBe(false);
    expect(clientKeys().enabled).toBe(true);
  });

  it('signs a large body in turns, between which others are served', async () => {
    class SlowTurns extends ParsingTurns {
      private clock = 0;

      /** Each look at the clock finds a turn's time gone. */
      protected override now(): number {
        return (this.clock += 5);
      }
    }
    const body = Buffer.alloc(1024 * 1024, 'x');
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    const keys = clientKeys(SECRET, new SlowTurns());
    expect(await keys.verifies('192.0.2.7', body, signed('192.0.2.7', body))).toBe(true);
    done = true;
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
