import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { Logger } from '@nestjs/common';
import { CLIENT_ROUTES } from './client-names.js';

/** What `npm run build` makes of `clients/browser`. */
export const ASSETS_DIRECTORY = new URL('../../assets/', import.meta.url);

const HASH_DIGITS = 16;

export type Coding = 'br' | 'gzip' | 'identity';

/** A file in one content coding. */
export interface Representation {
  readonly body: Buffer;
  /** A strong one (RFC 9110, 8.8.3): each coding has its own. */
  readonly etag: string;
}

export interface Asset {
  /** The content's: the file's name with it means these bytes for ever. */
  readonly hash: string;
  readonly codings: Readonly<Record<Coding, Representation>>;
}

/** The client's files, read and compressed once. */
export class ClientAssets {
  private constructor(private readonly assets: ReadonlyMap<string, Asset>) {}

  /** A collector whose build has no client still collects: what is missing is logged, and answers 404. */
  static async load(directory: URL): Promise<ClientAssets> {
    const assets = new Map<string, Asset>();
    const missing: string[] = [];
    for (const route of CLIENT_ROUTES) {
      const name = route.slice(1);
      try {
        assets.set(route, await assetOf(await readFile(new URL(name, directory))));
      } catch (error) {
        missing.push(`${name} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
      }
    }
    if (missing.length > 0) {
      new Logger('Assets').warn(
        `the browser client cannot be served: \`npm run build\` makes ${missing.join(', ')}`,
      );
    }
    return new ClientAssets(assets);
  }

  find(route: string): Asset | undefined {
    return this.assets.get(route);
  }
}

async function assetOf(content: Buffer): Promise<Asset> {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, HASH_DIGITS);
  const [gzipped, brotli] = await Promise.all([
    promisify(gzip)(content, { level: 9 }),
    promisify(brotliCompress)(content, {
      params: {
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
  ]);
  return {
    hash,
    codings: {
      identity: { body: content, etag: `"${hash}"` },
      gzip: { body: gzipped, etag: `"${hash}-gzip"` },
      br: { body: brotli, etag: `"${hash}-br"` },
    },
  };
}
