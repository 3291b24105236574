import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderExampleEnv } from './example-env.js';
import { loadConfiguration } from './load-configuration.js';
import { integer, list, listenAddress, text } from './parsers.js';
import { Setting } from './setting.js';

class SampleOptions {
  static readonly key = 'sample';

  @Setting('SERVER_ADDR', listenAddress, {
    doc: `Where the collector listens: host:port, :port for every interface, or [::1]:port. One address only; put
      a balancer in front for more.`,
  })
  readonly address = { host: '::', port: 19_890 };

  @Setting('MAX_BODY_BYTES', integer, { doc: 'Bound of a body.', unit: 'bytes' })
  readonly maxBodyBytes: number = 1_048_576;

  @Setting('IP_HASH_SECRET', text, { doc: 'Key of the hash of addresses.', secret: true })
  readonly secret: string | undefined = undefined;
}

class OtherOptions {
  static readonly key = 'other';

  @Setting('OUTPUTS', list, { doc: 'Sinks.' })
  readonly outputs: readonly string[] = ['log', 'kafka'];
}

const CLASSES = [SampleOptions, OtherOptions];

describe('renderExampleEnv', () => {
  it('has each variable under its class, commented out, with meaning, unit and default', () => {
    const [, ...variables] = renderExampleEnv(CLASSES).split(/^(?=### )/m);
    expect(variables.join('')).toBe(`### sample ###

# Where the collector listens: host:port, :port for every interface, or [::1]:port. One address
# only; put a balancer in front for more.
#SERVER_ADDR=:19890

# Bound of a body. Unit: bytes.
#MAX_BODY_BYTES=1048576

# Key of the hash of addresses. A secret: IP_HASH_SECRET_FILE may name a file that holds it.
#IP_HASH_SECRET=
#IP_HASH_SECRET_FILE=

### other ###

# Sinks.
#OUTPUTS=log,kafka
`);
  });

  it('means the defaults once every variable is uncommented', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-config-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const uncommented = renderExampleEnv(CLASSES).replaceAll(/^#(?=\w+=)/gm, '');
    await writeFile(join(directory, '.env'), uncommented);
    const configuration = await loadConfiguration(CLASSES, { environment: {}, directory });
    expect(configuration.get(SampleOptions)).toEqual(new SampleOptions());
    expect(configuration.get(OtherOptions)).toEqual(new OtherOptions());
    expect(configuration.settings.map(({ name, source }) => [name, source])).toEqual([
      ['SERVER_ADDR', '.env'],
      ['MAX_BODY_BYTES', '.env'],
      ['IP_HASH_SECRET', 'default'],
      ['OUTPUTS', '.env'],
    ]);
  });

  it('refuses a default that no variable could hold', () => {
    class Unwritable {
      static readonly key = 'unwritable';
      @Setting('X', text, { doc: 'x' })
      readonly x: object = {};
    }
    expect(() => renderExampleEnv([Unwritable])).toThrow('the default of X');
  });
});
