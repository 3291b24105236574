// Builds the browser client into dist/assets at the root: `node clients/browser/build.mjs [--package]`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const HERE = dirname(fileURLToPath(import.meta.url));
const ASSETS = join(HERE, '../../dist/assets');

/** For CommonJS bundlers. With AMD, an unnamed module in a script tag would be an error in the page. */
const UMD_FOOTER = `typeof module=='object'&&(module.exports=GoTrackPixel);`;

/** The most that each may have, in bytes after terser and gzip -9. */
export const ASSET_FILES = [
  { name: 'pixel.js', entry: 'pixel.ts', format: 'iife', maxBytes: 4096 },
  { name: 'pixel.umd.js', entry: 'pixel.ts', format: 'iife', maxBytes: 4096, footer: UMD_FOOTER },
  { name: 'pixel.esm.js', entry: 'esm.ts', format: 'esm', maxBytes: 4096 },
  { name: 'pixel.lite.js', entry: 'lite.ts', format: 'iife', maxBytes: 2048 },
  { name: 'pixel.auto.js', entry: 'auto/index.ts', format: 'iife', maxBytes: 2048 },
];

/**
 * Properties of our own objects, which get short names. Nothing outside of a file reads them: none may be a name of an
 * option, of a command or of an event's field; terser itself spares the browser's.
 */
export const SHORTENED = /^(?:isStored|signedAs)$/;

/** @returns the file's text, minified */
export async function bundle({ entry, format, footer = '' }) {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'src', entry)],
    bundle: true,
    write: false,
    format,
    target: 'es2021',
    charset: 'utf8',
    minifySyntax: true,
    tsconfig: join(HERE, 'tsconfig.json'),
  });
  const { code } = await minify(outputFiles[0].text + footer, {
    ecma: 2021,
    module: format === 'esm',
    toplevel: true,
    compress: {
      passes: 3,
      inline: 1,
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
      keep_fargs: false,
    },
    mangle: { properties: { regex: SHORTENED } },
    format: { ascii_only: true },
  });
  return code;
}

/** Bytes on the wire. */
export function compressedBytes(code) {
  return gzipSync(code, { level: 9 }).length;
}

/** The files of the package, which its users minify themselves. */
async function buildPackage() {
  await build({
    entryPoints: { index: join(HERE, 'src/index.ts'), auto: join(HERE, 'src/auto/index.ts') },
    bundle: true,
    format: 'esm',
    target: 'es2021',
    outdir: join(HERE, 'dist'),
    tsconfig: join(HERE, 'tsconfig.json'),
  });
  const types = '--declaration --emitDeclarationOnly --noEmit false --sourceMap false';
  execFileSync(
    process.execPath,
    [
      createRequire(import.meta.url).resolve('typescript/lib/tsc.js'),
      '-p',
      join(HERE, 'tsconfig.build.json'),
      '--outDir',
      join(HERE, 'dist'),
      ...types.split(' '),
    ],
    { stdio: 'inherit' },
  );
}

async function buildAssets() {
  mkdirSync(ASSETS, { recursive: true });
  for (const file of ASSET_FILES) {
    const code = await bundle(file);
    writeFileSync(join(ASSETS, file.name), code);
    console.log(
      `${file.name}: ${code.length} bytes, ${compressedBytes(code)} compressed (at most ${file.maxBytes})`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAssets();
  if (process.argv.includes('--package')) {
    await buildPackage();
  }
}
