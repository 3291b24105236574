/** Where the client's files are unless `CLIENT_PATH` says otherwise; the metrics call them so always. */
export const CLIENT = '/pixel';

/** What the names of the client's files end in, without the hash of their content. */
export const CLIENT_ENDINGS = ['.js', '.umd.js', '.esm.js', '.lite.js', '.auto.js'] as const;

export const CLIENT_ROUTES = CLIENT_ENDINGS.map((ending) => CLIENT + ending);

const ENDING = /^(?<variant>(?:\.(?:umd|esm|lite|auto))?)(?:\.(?<hash>[\da-f]{16}))?\.js$/;

export interface ClientName {
  /** The route that serves the file. */
  readonly route: string;
  /** The hash in its name, where there is one. */
  readonly hash: string | undefined;
}

/** Reads the path of one of the client's files: `/pixel.umd.js`, or `/pixel.umd.0123456789abcdef.js`. */
export function clientName(path: string, clientPath: string): ClientName | undefined {
  const groups = path.startsWith(clientPath)
    ? ENDING.exec(path.slice(clientPath.length))?.groups
    : undefined;
  return groups && { route: `${CLIENT}${groups['variant']}.js`, hash: groups['hash'] };
}
