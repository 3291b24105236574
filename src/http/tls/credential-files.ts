/** A file, and the variable that names it. */
export interface NamedFile {
  readonly variable: string;
  /** Relative to the directory that the process runs in. */
  readonly path: string;
}

/** What a server needs to speak TLS, all in PEM form. */
export interface CredentialFiles {
  /** The server's own certificate first, then what leads to its authority. */
  readonly cert: NamedFile;
  /** Without a passphrase. */
  readonly key: NamedFile;
  /** The authorities of clients. With it, a client needs a certificate that one of them signed. */
  readonly clientCa?: NamedFile | undefined;
}

/** What the files hold; for a file that cannot be read, why. */
export type FileContents = Readonly<Record<keyof CredentialFiles, string | Error | undefined>>;
