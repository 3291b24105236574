import ipaddr from 'ipaddr.js';
import type { Fault } from '../config/configuration-error.js';
import { boolean, type ListenAddress, listenAddress, text } from '../config/parsers.js';
import { InvalidValueError, type Parser, Setting } from '../config/setting.js';
import type { CredentialFiles } from '../http/tls/credential-files.js';
import { credentialWarnings } from '../http/tls/read-credentials.js';

const TOKEN_FORM = /^[\x21-\x7e]+$/;
const TOKEN_RULE = 'must be visible ASCII characters without blanks';

/** Not class-validator's: `healthcheck` may read these options, and has to stay light. */
const token: Parser<string> = (value) => {
  if (!TOKEN_FORM.test(value)) {
    throw new InvalidValueError(TOKEN_RULE);
  }
  return value;
};

export class MetricsOptions {
  static readonly key = 'metrics';

  @Setting('METRICS_ENABLED', boolean, {
    doc: 'Serves metrics for Prometheus, and health with its causes, on METRICS_ADDR.',
  })
  readonly enabled: boolean = false;

  @Setting('METRICS_ADDR', listenAddress, {
    doc: 'Where metrics are served: host:port, :port or [ipv6]:port. Anyone who reaches it can read them: keep it on loopback or in a private network.',
  })
  readonly address: ListenAddress = { host: '127.0.0.1', port: 9090 };

  @Setting('METRICS_TLS_CERT', text, {
    doc: 'A file with the certificate of the metrics server and what leads to its authority, in PEM form. With METRICS_TLS_KEY, the server speaks TLS only, 1.2 or newer. Changed files are taken without a restart.',
  })
  readonly tlsCert: string | undefined = undefined;

  @Setting('METRICS_TLS_KEY', text, {
    doc: 'A file with the key of that certificate in PEM form, without a passphrase.',
  })
  readonly tlsKey: string | undefined = undefined;

  @Setting('METRICS_REQUIRE_TLS', boolean, {
    doc: 'Refuses to start without METRICS_TLS_CERT and METRICS_TLS_KEY.',
  })
  readonly requireTls: boolean = false;

  @Setting('METRICS_CLIENT_CA', text, {
    doc: 'A file with certificates of authorities in PEM form: clients of the metrics server need a certificate that one of them signed.',
  })
  readonly clientCa: string | undefined = undefined;

  @Setting('METRICS_BEARER_TOKEN', token, {
    doc: 'What GET /metrics has to bring as Authorization: Bearer. On an address that is not loopback, it needs TLS. A changed file of METRICS_BEARER_TOKEN_FILE is taken without a restart.',
    secret: true,
  })
  readonly bearerToken: string | undefined = undefined;

  /** Undefined: the server speaks plain HTTP. */
  get tlsFiles(): CredentialFiles | undefined {
    return this.tlsCert !== undefined && this.tlsKey !== undefined
      ? {
          cert: { variable: 'METRICS_TLS_CERT', path: this.tlsCert },
          key: { variable: 'METRICS_TLS_KEY', path: this.tlsKey },
          clientCa:
            this.clientCa === undefined
              ? undefined
              : { variable: 'METRICS_CLIENT_CA', path: this.clientCa },
        }
      : undefined;
  }

  faults(): readonly Fault[] {
    return this.tlsFiles ? [] : [...this.halfPair(), ...this.meaninglessWithoutTls()];
  }

  /** What the operator should know before the server starts. */
  warnings(): readonly string[] {
    if (!this.enabled) {
      return [];
    }
    if (this.tlsFiles) {
      return credentialWarnings(this.tlsFiles);
    }
    return isLoopback(this.address.host)
      ? []
      : [
          'METRICS_ADDR: metrics are served unencrypted on an address that other machines may reach; ' +
            'set METRICS_TLS_CERT and METRICS_TLS_KEY, use 127.0.0.1:9090, or make sure that only your Prometheus reaches this port (private network, firewall)',
        ];
  }

  private halfPair(): Fault[] {
    const [cert, key] = ['METRICS_TLS_CERT', 'METRICS_TLS_KEY'];
    if (this.tlsCert !== undefined) {
      return [{ name: key, reason: `must be set, because ${cert} is` }];
    }
    return this.tlsKey === undefined
      ? []
      : [{ name: cert, reason: `must be set, because ${key} is` }];
  }

  private meaninglessWithoutTls(): Fault[] {
    const both = 'METRICS_TLS_CERT and METRICS_TLS_KEY';
    return [
      ...(this.requireTls
        ? [{ name: 'METRICS_REQUIRE_TLS', reason: `is true, and that needs ${both}; set them` }]
        : []),
      ...(this.clientCa === undefined
        ? []
        : [
            {
              name: 'METRICS_CLIENT_CA',
              reason: `nobody's certificate is asked for without TLS; set ${both}, or unset it`,
            },
          ]),
      ...(this.bearerToken === undefined || isLoopback(this.address.host)
        ? []
        : [
            {
              name: 'METRICS_BEARER_TOKEN',
              reason: `would cross the network unencrypted; set ${both}, or METRICS_ADDR to a loopback address`,
            },
          ]),
    ];
  }
}

function isLoopback(host: string): boolean {
  return ipaddr.isValid(host)
    ? ipaddr.process(host).range() === 'loopback'
    : host.toLowerCase() === 'localhost';
}
