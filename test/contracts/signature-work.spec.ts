import { createHmac } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { AdmissionOptions } from '../../src/ingestion/admission/admission.options.js';
import { ParsingTurns } from '../../src/ingestion/body/parsing-turns.js';
import { ClientKeys } from '../../src/ingestion/signing/client-keys.js';

/** What is asked of `node:crypto`. */
const crypto = vi.hoisted(() => ({ hmacs: 0, bytes: 0, comparisons: 0 }));
vi.mock(import('node:crypto'), async (importActual) => {
  const actual = await importActual();
  return {
    ...actual,
    createHmac: (...args) => {
      crypto.hmacs += 1;
      const hmac = actual.createHmac(...args);
      const update = hmac.update.bind(hmac);
      hmac.update = (data: unknown) => {
        crypto.bytes += (data as Buffer).length;
        return update(data as Buffer);
      };
      return hmac;
    },
    timingSafeEqual: (a, b) => {
      crypto.comparisons += 1;
      return actual.timingSafeEqual(a, b);
    },
  };
});

const SECRET = 'a secret of 32 characters or more';
const BODY = Buffer.from('{"type":"signup"}');

function clientKeys(hmacSecret: string | undefined = SECRET): ClientKeys {
  return new ClientKeys(Object.assign(new AdmissionOptions(), { hmacSecret }), new ParsingTurns());
}

/** As the Go service's client signs. */
function signed(client: string, body: Buffer, secret = SECRET): Buffer {
  const key = createHmac('sha256', secret).update(`client-key:${client}`).digest();
  return createHmac('sha256', key).update(body).digest();
}

it.each(['192.0.2.7', '2001:db8::7'])(
  'does the same work for all that is wrong with a signature of %s',
  async (address) => {
    const keys = clientKeys();
    const wrong: Record<string, [Buffer, Buffer]> = {
      'another address': [BODY, signed('192.0.2.99', BODY)],
      'another secret': [BODY, signed(address, BODY, 'another')],
      'a changed body': [Buffer.from('{"type":"signUp"}'), signed(address, BODY)],
      'the first byte': [BODY, signed(address, BODY).fill(0, 0, 1)],
      'the last byte': [BODY, signed(address, BODY).fill(0, 31)],
    };
    await keys.verifies(address, BODY, Buffer.alloc(32));
    const work = new Set<string>();
    for (const [body, signature] of Object.values(wrong)) {
      Object.assign(crypto, { hmacs: 0, bytes: 0, comparisons: 0 });
      expect(await keys.verifies(address, body, signature)).toBe(false);
      work.add(JSON.stringify(crypto));
    }
    const clients = address.includes(':') ? 2 : 1;
    const expected = { hmacs: clients, bytes: clients * BODY.length, comparisons: clients };
    expect([...work]).toEqual([JSON.stringify(expected)]);
  },
);
