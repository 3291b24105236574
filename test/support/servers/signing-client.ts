import { createHmac } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ClientAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What a client at an address of this machine sends; without the layers that `fetch` adds. */
export function ask(
  port: number,
  path: string,
  { method = 'POST', headers = {}, body }: Asked = {},
  address = '127.0.0.1',
): Promise<ClientAnswer> {
  const host = address.includes(':') ? '::1' : '127.0.0.1';
  return new Promise((resolve, reject) => {
    const sending = request(
      { agent: false, host, port, path, method, headers: { ...headers }, localAddress: address },
      (response) => {
        text(response).then(
          (answer) =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
          reject,
        );
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

/**
 * A double of the client that the Go service serves: it posts one event as JSON to its endpoint, by default the path
 * of its page, with the header `X-GoTrack-HMAC`. The header holds the hex HMAC-SHA256 of the body under the client's key
 * or, while the client has no key, the word `tracking`. A client's key is HMAC-SHA256(secret, "client-key:" + address).
 */
export class SigningClient {
  private key: Buffer | undefined;

  constructor(
    private readonly port: number,
    private readonly address = '127.0.0.1',
  ) {}

  /** Takes the key that a Go service embeds in its script. */
  embedKey(secret: string, address = this.address): this {
    this.key = createHmac('sha256', secret).update(`client-key:${address}`).digest();
    return this;
  }

  /** Takes the key that the collector gives this client. */
  async fetchKey(): Promise<this> {
    const { body } = await ask(this.port, '/hmac/public-key', { method: 'GET' }, this.address);
    this.key = Buffer.from((JSON.parse(body) as { public_key: string }).public_key, 'base64');
    return this;
  }

  sign(body: string | Buffer): string {
    return this.key === undefined
      ? 'tracking'
      : createHmac('sha256', this.key).update(body).digest('hex');
  }

  post(
    path: string,
    body: string | Buffer = JSON.stringify({ type: 'pageview' }),
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ClientAnswer> {
    return ask(
      this.port,
      path,
      {
        body,
        headers: {
          'Content-Type': 'application/json',
          'X-GoTrack-HMAC': this.sign(body),
          ...headers,
        },
      },
      this.address,
    );
  }
}
