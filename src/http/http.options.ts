import { boolean, list, type ListenAddress, listenAddress, text } from '../config/parsers.js';
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

  @Setting('CORS_ORIGINS', origins, {
    doc: 'Pages that may send events, and read the answers with credentials: a comma list of origins; null is a page without one. Others get 403. * is any page, without credentials.',
  })
  readonly corsOrigins: readonly string[] = ['*'];

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
      ...(this.tlsFiles ? credentialWarnings(this.tlsFiles) : []),
    ];
  }
}
