import type { Fault } from '../config/configuration-error.js';
import { list } from '../config/parsers.js';
import { InvalidValueError, type Parser, Setting } from '../config/setting.js';
import { CLIENT, CLIENT_ENDINGS, clientName } from './assets/client-names.js';
import { COLLECT, isClientRoute, isOwnPath, PIXEL } from './routes.js';

/** Visible ASCII as a request line may have it, without a query and a fragment. */
const PATH = /^\/[!$&'()*+\-./\d:;=@A-Z_a-z~%]*$/;

const paths: Parser<readonly string[]> = (text) => {
  const items = list(text);
  if (items.length === 0 || !items.every((item) => PATH.test(item))) {
    throw new InvalidValueError('must be a comma list of paths such as /e, percent-encoded');
  }
  return items;
};

/** The names of files are made from it, and the client's hashed names stand beside each other in one folder. */
const clientPath: Parser<string> = (text) => {
  if (!PATH.test(text) || /(?:[/:]|\.js)$/.test(text)) {
    throw new InvalidValueError(
      "must be the path of the client's files without .js, such as /t/app, percent-encoded",
    );
  }
  return text;
};

/** Where events are taken beside `/collect` and `/px.gif`, and where the client's files are. */
export class PathsOptions {
  static readonly key = 'paths';

  @Setting('COLLECT_PATH', paths, {
    doc: "Further paths of POST /collect: a comma list such as /,/e. The Go service's client posts to / or to the path of its page.",
  })
  readonly collectPaths: readonly string[] = [];

  @Setting('PIXEL_PATH', paths, {
    doc: 'Further paths of GET /px.gif: a comma list. One that is in COLLECT_PATH, too, is told apart by the method.',
  })
  readonly pixelPaths: readonly string[] = [];

  @Setting('CLIENT_PATH', clientPath, {
    doc: "Path of the browser client's files without .js: /t/app stands for /t/app.js, /t/app.umd.js, and so on. The default names then answer 404.",
  })
  readonly clientPath: string = CLIENT;

  faults(): Fault[] {
    const reason = 'holds a path on which GoTrack serves something else';
    return [
      ...(this.isTaken(this.collectPaths, COLLECT) ? [{ name: 'COLLECT_PATH', reason }] : []),
      ...(this.isTaken(this.pixelPaths, PIXEL) ? [{ name: 'PIXEL_PATH', reason }] : []),
      ...(CLIENT_ENDINGS.some((ending) => isForeign(this.clientPath + ending))
        ? [{ name: 'CLIENT_PATH', reason }]
        : []),
    ];
  }

  private isTaken(given: readonly string[], own: string): boolean {
    return given.some(
      (path) =>
        (path !== own && isForeign(path)) || clientName(path, this.clientPath) !== undefined,
    );
  }
}

/** Whether a route other than the client's answers there: those move with `CLIENT_PATH`. */
function isForeign(path: string): boolean {
  return isOwnPath(path) && !isClientRoute(path);
}
