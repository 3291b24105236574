import {
  boolean,
  integer,
  list,
  type ListenAddress,
  listenAddress,
  text,
} from '../config/parsers.js';
import { type Parser, Setting, InvalidValueError } from '../config/setting.js';
import type { CredentialFiles } from './tls/credential-files.js';
import { credentialWarnings } from './tls/read-credentials.js';
import { type TrustProxy, trustProxy } from './trusted-proxies.js';

const origins: Parser<readonly string[]> = (value) => {
  const items = list(value);
  if (
    items.length === 0 ||
    !items.every((item) => item === '*' || item === 'null' || isOrigin(item))
  ) {
    throw new InvalidValueError(
      'must be * or a comma list of origins such as https://example.com, or null',
    );
  }
  return items;
};

/** The name of a header (RFC 9110, 5.1). */
const headerName: Parser<string> = (value) => {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(value)) {
    throw new InvalidValueError('must be the name of one header, such as CF-Connecting-IP');
  }
  return value;
};

/** An address that only more path may follow. */
const publicUrl: Parser<string> = (value) => {
  const address = URL.parse(value);
  if (
    address === null ||
    !['http:', 'https:'].includes(address.protocol) ||
    address.href !== address.origin + address.pathname
  ) {
    throw new InvalidValueError(
      'must be an http or https address without a query, such as https://events.example.com',
    );
  }
  return address.href.replace(/\/+$/, '');
};

const HOUR_MS = 3_600_000;

/** Not class-validator's bounds: `healthcheck` reads these options, and has to stay light. */
const keepAlive: Parser<number> = (value) => {
  const number = integer(value);
  if (number < 1 || number > HOUR_MS) {
    throw new InvalidValueError(`must be from 1 to ${HOUR_MS}`);
  }
  return number;
};

function isOrigin(item: string): boolean {
  return URL.canParse(item) && new URL(item).origin === item;
}

/** The public server: where it listens, with which certificate, whom it believes and answers. */
export class HttpOptions {
  static readonly key = 'http';

  @Setting('SERVER_ADDR', listenAddress, {
    doc: 'Where the collector listens: host:port, :port (all interfaces) or [ipv6]:port.',
  })
  readonly address: ListenAddress = { host: '::', port: 19_890 };

  @Setting('ENABLE_HTTPS', boolean, {
    doc: 'Speaks TLS only on SERVER_ADDR, 1.2 or newer, with SSL_CERT_FILE and SSL_KEY_FILE. Changed files are taken without a restart.',
  })
  readonly https: boolean = false;

  @Setting('SSL_CERT_FILE', text, {
    doc: "A file with the collector's certificate and what leads to its authority, in PEM form. Read with ENABLE_HTTPS=true only: OpenSSL has a variable of the same name.",
  })
  readonly certFile: string = 'server.crt';

  @Setting('SSL_KEY_FILE', text, {
    doc: 'A file with the key of that certificate in PEM form, without a passphrase.',
  })
  readonly keyFile: string = 'server.key';

  @Setting('TRUST_PROXY', trustProxy, {
    doc: "Whose X-Forwarded-For is believed: false, or a comma list of the proxies' CIDRs. true believes anyone.",
  })
  readonly trustProxy: TrustProxy = false;

  @Setting('CLIENT_IP_HEADER', headerName, {
    doc: "The header in which your proxies name the client's address: CF-Connecting-IP, True-Client-IP, X-Real-IP, … It is believed from those that TRUST_PROXY lists, before X-Forwarded-For.",
  })
  readonly clientIpHeader: string | undefined = undefined;

  @Setting('KEEP_ALIVE_TIMEOUT_MS', keepAlive, {
    doc: 'How long a connection stays open without a request. Keep it above that of the balancer (Google Cloud keeps 600 s): the collector must not be the first to close.',
    unit: 'ms',
  })
  readonly keepAliveTimeoutMs: number = 75_000;

  @Setting('CORS_ORIGINS', origins, {
    doc: 'Pages that may send events, and read the answers with credentials: a comma list of origins; null is a page without one. Others get 403. * is any page, without credentials.',
  })
  readonly corsOrigins: readonly string[] = ['*'];

  @Setting('PUBLIC_URL', publicUrl, {
    doc: 'The address under which clients reach the collector, for SDKs that ask it where to send. Unset: that of their request.',
  })
  readonly publicUrl: string | undefined = undefined;

  /** Undefined: the collector speaks plain HTTP. */
  get tlsFiles(): CredentialFiles | undefined {
    return this.https
      ? {
          cert: { variable: 'SSL_CERT_FILE', path: this.certFile },
          key: { variable: 'SSL_KEY_FILE', path: this.keyFile },
        }
      : undefined;
  }

  warnings(): string[] {
    return [
      ...(this.trustProxy === true
        ? [
            'TRUST_PROXY=true believes the X-Forwarded-For of anyone, so a client can pretend any address: set it to the CIDRs of your proxies',
          ]
        : []),
      ...(this.clientIpHeader !== undefined && this.trustProxy === false
        ? [
            'CLIENT_IP_HEADER is believed from trusted proxies only, and TRUST_PROXY names none: the header is ignored',
          ]
        : []),
      ...(this.tlsFiles ? credentialWarnings(this.tlsFiles) : []),
    ];
  }
}
