import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:https';
import type { SecureContext, TlsOptions } from 'node:tls';
import { Logger } from '@nestjs/common';
import { HangingCallError } from '../../threads/bounded-calls.js';
import type { CredentialFiles, FileContents } from './credential-files.js';
import { checkCredentials, type Credentials, CredentialsError } from './credentials.js';
import { readFiles, readFilesNow } from './read-credentials.js';
import { Connections } from './retire-connections.js';

/** Content is compared, since no event or time of a file shows every way to replace one. */
const POLL_MS = 1_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** For answers that are under way to clients of authorities that may have gone. */
const CUT_GRACE_MS = 5_000;

/**
 * TLS for one server, with credentials that follow their files: a new set that can be used takes the
 * place of the one before, one that cannot leaves it serving.
 */
export class ServerTls {
  private readonly logger = new Logger('TLS');
  private credentials: Credentials;
  private seen: FileContents;
  private lastReloadWorked = true;

  /**
   * @param server what metrics and the log call it
   * @throws CredentialsError with every fault
   */
  constructor(
    readonly server: string,
    private readonly files: CredentialFiles,
  ) {
    this.seen = readFilesNow(files);
    this.credentials = checkCredentials(files, this.seen);
  }

  /** The end of the certificate that is served. */
  get notAfter(): Date {
    return this.credentials.notAfter;
  }

  /** Whether what is in the files is what is served. */
  get lastReloadSuccessful(): boolean {
    return this.lastReloadWorked;
  }

  /** For the creation of the server. */
  get serverOptions(): TlsOptions {
    return {
      ...this.contextOptions,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: this.files.clientCa !== undefined,
      rejectUnauthorized: this.files.clientCa !== undefined,
    };
  }

  /** Follows the files until the server has closed. Call before it listens. */
  follow(server: HttpServer): void {
    if (!(server instanceof Server)) {
      throw new TypeError(`the ${this.server} server was created without the options for TLS`);
    }
    this.trustAuthorities(server);
    const connections = new Connections(server, HANDSHAKE_TIMEOUT_MS);
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      timer = setTimeout(() => void this.look(server, connections).finally(wait), POLL_MS).unref();
    };
    const stop = new AbortController();
    server.once('close', () => stop.abort());
    stop.signal.addEventListener('abort', () => clearTimeout(timer));
    wait();
  }

  /** All of them each time: what `setSecureContext` is not given falls back to Node's default, also the version. */
  private get contextOptions(): TlsOptions {
    const { cert, key, ca } = this.credentials;
    return { cert, key, ...(ca !== undefined && { ca }), minVersion: 'TLSv1.2' };
  }

  /**
   * An authority in the file is trusted by itself, also one whose root is not there: to have the root in it
   * would let in the clients of every other authority under that root. Node's servers do not hand the option
   * `allowPartialTrustChain` on to the context that they make, so it is set on that; call after each new one.
   */
  private trustAuthorities(server: Server): void {
    if (this.credentials.ca === undefined) {
      return;
    }
    const { _sharedCreds } = server as unknown as { readonly _sharedCreds: SecureContext };
    (_sharedCreds.context as { setAllowPartialTrustChain(): void }).setAllowPartialTrustChain();
  }

  private async look(server: Server, connections: Connections): Promise<void> {
    const found = await readFiles(this.files).catch((error: unknown) => {
      if (!(error instanceof HangingCallError)) {
        throw error;
      }
    });
    if (!found || isSame(found, this.seen)) {
      return;
    }
    this.seen = found;
    const before = this.credentials;
    try {
      this.credentials = checkCredentials(this.files, found);
      server.setSecureContext(this.contextOptions);
      this.trustAuthorities(server);
    } catch (error) {
      this.credentials = before;
      this.lastReloadWorked = false;
      const reason = error instanceof CredentialsError ? error.message : String(error);
      this.logger.error(
        `the new certificate files of the ${this.server} server cannot be used, and the ones before stay in use: ${reason}`,
      );
      return;
    }
    this.lastReloadWorked = true;
    if (this.credentials.ca === before.ca) {
      connections.retire();
    } else {
      connections.cut(CUT_GRACE_MS);
    }
    this.logger.log(
      `the ${this.server} server has taken its new certificate files; its certificate is valid until ${this.notAfter.toISOString()}`,
    );
    for (const warning of this.credentials.warnings) {
      this.logger.warn(warning);
    }
  }
}

function isSame(a: FileContents, b: FileContents): boolean {
  const text = ({ cert, key, clientCa }: FileContents): string =>
    JSON.stringify(
      [cert, key, clientCa].map((each) =>
        each instanceof Error ? { failed: each.message } : each,
      ),
    );
  return text(a) === text(b);
}
