import { once } from 'node:events';
import type { Collector } from './collector.js';

/** Start the program with it to attach to it; the port is the system's choice. */
export const DEBUGGABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Does in the program what it has no way to do for others. Close it: the program waits for that when it ends. */
export class Debugger {
  private calls = 0;

  private constructor(private readonly socket: WebSocket) {}

  static async attach(collector: Collector): Promise<Debugger> {
    const prefix = 'Debugger listening on ';
    const line = collector.log.find((text) => text.startsWith(prefix));
    if (line === undefined) {
      throw new Error('the program was started without DEBUGGABLE');
    }
    const socket = new WebSocket(line.slice(prefix.length));
    await once(socket, 'open');
    return new Debugger(socket);
  }

  async collectGarbage(): Promise<void> {
    await this.call('HeapProfiler.collectGarbage', {});
  }

  /** @returns what the expression gives, which has to be JSON */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call<{
      result: { value: T };
      exceptionDetails?: object;
    }>('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) {
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    }
    return result.value;
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }

  /** One at a time. */
  private async call<T>(method: string, params: object): Promise<T> {
    this.calls += 1;
    const answered = once(this.socket, 'message');
    this.socket.send(JSON.stringify({ id: this.calls, method, params }));
    const [{ data }] = (await answered) as [{ data: string }];
    return (JSON.parse(data) as { result: T }).result;
  }
}
