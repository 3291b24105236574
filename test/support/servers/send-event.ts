import { request } from 'node:http';
import type { Collector } from './collector.js';

export interface Exchange {
  readonly id: string;
  readonly clientPort: number;
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** One event, on a connection of its own, so that a trace tells whose answer is whose. */
export function sendEvent(
  { port }: Collector,
  id: string,
  by: 'pixel' | 'collect',
  textBytes = 0,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const text = 'x'.repeat(textBytes);
    const target =
      by === 'pixel'
        ? { method: 'GET', path: `/px.gif?event_id=${id}&text=${text}` }
        : { method: 'POST', path: '/collect' };
    const sending = request({ agent: false, host: '127.0.0.1', port, ...target }, (response) => {
      const clientPort = response.socket.localPort ?? 0;
      const retryAfter = response.headers['retry-after'];
      response.resume();
      response.on('end', () =>
        resolve({ id, clientPort, status: response.statusCode ?? 0, retryAfter }),
      );
    });
    sending.on('error', reject);
    sending.end(by === 'pixel' ? undefined : JSON.stringify({ event_id: id, props: { text } }));
  });
}
