// Prints what the browser client's files and those of its peers weigh, as the table of docs/performance.md.
// Every file takes the same way: bundled by esbuild, minified by terser, compressed. Peers come from npm.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const OWN = ['pixel.lite.js', 'pixel.js', 'pixel.umd.js', 'pixel.esm.js', 'pixel.auto.js'];

/** The file that a page loads, where the package has one, else what a site bundles. */
const PEERS = [
  ['plausible-tracker', '0.3.9', 'build/module/index.js'],
  ['umami', '2.10.0', 'src/tracker/index.js'],
  ['@openpanel/web', '1.4.1', 'dist/src/tracker.global.js'],
  ['@plausible-analytics/tracker', '0.4.6', 'plausible.js'],
  ['@snowplow/browser-tracker', '4.10.1', 'dist/index.umd.min.js'],
  ['@segment/analytics-next', '1.84.3', 'dist/umd/standalone.js'],
  ['posthog-js', '1.449.2', 'dist/array.js'],
];

/** @returns the path of the unpacked file */
function fetchFile(directory, name, version, file) {
  const target = join(directory, name.replaceAll('/', '-'));
  const command =
    'mkdir -p "$1" && cd "$1" && npm pack --silent "$2" >/dev/null && tar xzf ./*.tgz';
  const { status } = spawnSync('sh', ['-c', command, 'sh', target, `${name}@${version}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) {
    throw new Error(`npm pack ${name}@${version} has failed`);
  }
  return join(target, 'package', file);
}

async function minified(path) {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'iife',
    // Without a name, esbuild drops what only exports.
    globalName: 'peer',
    target: 'es2020',
    logLevel: 'error',
  });
  const { code = '' } = await minify(outputFiles[0].text, { compress: { passes: 2 } });
  return Buffer.from(code);
}

function row(name, file, script) {
  const sizes = [
    script.length,
    gzipSync(script, { level: 9 }).length,
    brotliCompressSync(script).length,
  ];
  return [name, `\`${file}\``, ...sizes.map((size) => size.toLocaleString('en'))];
}

function table(rows) {
  const lines = [
    ['', 'file', 'minified', 'gzip -9', 'brotli'],
    ['-', '-', '-:', '-:', '-:'],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const directory = mkdtempSync(join(tmpdir(), 'gotrack-peers-'));
try {
  const own = OWN.filter((file) => existsSync(join('dist/assets', file))).map((file) =>
    row('GoTrack', file, readFileSync(join('dist/assets', file))),
  );
  const peers = [];
  for (const [name, version, file] of PEERS) {
    const script = await minified(fetchFile(directory, name, version, file));
    peers.push(row(`${name} ${version}`, file, script));
  }
  console.log(table([...own, ...peers]));
} finally {
  rmSync(directory, { recursive: true });
}
