import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { loadOptions } from './load-options.js';
import { boolean, listenAddress } from './parsers.js';
import { Setting } from './setting.js';

class AddressOptions {
  static readonly key = 'address';

  @Setting('SERVER_ADDR', listenAddress, { doc: 'Address.' })
  readonly address = { host: '::', port: 19_890 };

  @Setting('ENABLE_HTTPS', boolean, { doc: 'TLS.' })
  readonly https: boolean = false;
}

async function directoryWith(envFile: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-config-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, '.env'), envFile);
  return directory;
}

describe('loadOptions', () => {
  it('takes the environment first, then the env files, then the defaults', async () => {
    const directory = await directoryWith('SERVER_ADDR=:1\nENABLE_HTTPS=true\n');
    expect(loadOptions(AddressOptions, { environment: { SERVER_ADDR: ':2' }, directory })).toEqual({
      address: { host: '::', port: 2 },
      https: true,
    });
    expect(loadOptions(AddressOptions, { environment: {}, directory: '/nowhere' })).toEqual(
      new AddressOptions(),
    );
  });

  it('reports every fault of its own variables, and none of others', async () => {
    const directory = await directoryWith('SERVER_ADDR=nowhere\nBATCH_SIZE=many\n');
    const environment = { ENABLE_HTTPS: 'perhaps', REQUIRE_HMAC: 'true' };
    expect(() => loadOptions(AddressOptions, { environment, directory })).toThrow(
      new ConfigurationError([
        { name: 'SERVER_ADDR', reason: 'must be host:port, :port or [ipv6]:port' },
        { name: 'ENABLE_HTTPS', reason: 'must be 1, t, true, y, yes or 0, f, false, n, no' },
      ]),
    );
  });
});
