import { Max, Min } from 'class-validator';
import {
  boolean,
  integer,
  list,
  type ListenAddress,
  listenAddress,
  oneOf,
  text,
} from '../config/readers.js';
import { type Reader, Setting, UnreadableValue } from '../config/setting.js';
import type { CredentialFiles } from '../tls/credential-files.js';
import { credentialWarnings } from '../tls/read-credentials.js';
import { PRIVACY_MODES, type PrivacyMode } from './privacy.js';
import { type TrustProxy, trustProxy } from './trusted-proxies.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const origins: Reader<readonly string[]> = (value) => {
  const items = list(value);
  if (items.length === 0 || !items.every((item) => item === '*' || isOrigin(item))) {
    throw new UnreadableValue('must be * or a comma list of origins such as https://example.com');
  }
  return items;
};

function isOrigin(item: string): boolean {
  return URL.canParse(item) && new URL(item).origin === item;
}

/** How events come in, and what is kept of who sent them. */
export class IngestionOptions {
  static readonly key = 'ingestion';

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

  @Setting('MAX_BODY_BYTES', integer, {
    doc: 'Largest body of a request, as received and after decompression; more gets 413.',
    unit: 'bytes',
  })
  @Min(KIB)
  @Max(16 * MIB)
  readonly maxBodyBytes: number = MIB;

  @Setting('MAX_BATCH_EVENTS', integer, {
    doc: 'Most events in one request; more gets 413.',
    unit: 'events',
  })
  @Min(1)
  @Max(100_000)
  readonly maxBatchEvents: number = 1000;

  @Setting('MAX_EVENT_BYTES', integer, {
    doc: 'Largest event as it is stored; a larger one is rejected.',
    unit: 'bytes',
  })
  @Min(KIB)
  @Max(MIB)
  readonly maxEventBytes: number = 64 * KIB;

  @Setting('CORS_ORIGINS', origins, {
    doc: 'Pages that may send events with credentials and read the answers: a comma list of origins. * is any page, without credentials.',
  })
  readonly corsOrigins: readonly string[] = ['*'];

  @Setting('IP_HASH_SECRET', text, {
    doc: "Stores a hash of the client's address that changes each UTC day. Without it, the address is stored truncated to /24 or /48.",
    secret: true,
  })
  readonly ipHashSecret: string | undefined = undefined;

  @Setting('PRIVACY_SIGNALS', oneOf(...PRIVACY_MODES), {
    doc: 'What DNT: 1 or Sec-GPC: 1 does: anonymize leaves out session and address, drop records nothing, ignore does nothing.',
  })
  readonly privacySignals: PrivacyMode = 'anonymize';

  @Setting('SANITIZE_PARAMS', list, {
    doc: 'Query parameters to strip wherever they occur in an event, in any case: a comma list of names.',
  })
  readonly sanitizeParams: readonly string[] = [];

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
