import type { Fault } from '../config/configuration-error.js';
import { list } from '../config/parsers.js';
import { InvalidValueError, type Parser, Setting } from '../config/setting.js';
import { COLLECT, isOwnPath, PIXEL } from './routes.js';

/** Visible ASCII as a request line may have it, without a query and a fragment. */
const PATH = /^\/[!$&'()*+\-./\d:;=@A-Z_a-z~%]*$/;

const paths: Parser<readonly string[]> = (text) => {
  const items = list(text);
  if (items.length === 0 || !items.every((item) => PATH.test(item))) {
    throw new InvalidValueError('must be a comma list of paths such as /e, percent-encoded');
  }
  return items;
};

/** Where events are taken beside `/collect` and `/px.gif`. */
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

  faults(): Fault[] {
    const taken = (given: readonly string[], own: string): boolean =>
      given.some((path) => path !== own && isOwnPath(path));
    const reason = 'holds a path on which GoTrack serves something else';
    return [
      ...(taken(this.collectPaths, COLLECT) ? [{ name: 'COLLECT_PATH', reason }] : []),
      ...(taken(this.pixelPaths, PIXEL) ? [{ name: 'PIXEL_PATH', reason }] : []),
    ];
  }
}
