import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonOf, storedEvents } from '../../../test/contracts/sink-contract.js';
import { StdoutSink } from './stdout-sink.js';

/** Standard output whose reader takes a piece when the test says so, or all at once. */
class SlowOutput extends Writable {
  readonly pieces: string[] = [];
  willing = false;
  private settle = (_error?: Error): void => undefined;

  constructor(readonly fd: number) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.settle = (error) => {
      this.pieces.push(chunk.toString());
      done(error);
    };
    if (this.willing) {
      this.settle();
    }
  }

  takeAll(): void {
    this.willing = true;
    this.settle();
  }

  fail(): void {
    this.settle(new Error('gone'));
  }
}

describe('StdoutSink, when its reader stalls', () => {
  const batch = storedEvents(2);
  const lines = `${jsonOf(batch).join('\n')}\n`;
  let device: FileHandle;
  let output: SlowOutput;
  let sink: StdoutSink;

  beforeEach(async () => {
    // Not a regular file, whatever the standard output of this test is.
    device = await open('/dev/null');
    output = new SlowOutput(device.fd);
    sink = new StdoutSink(output, 5);
    await sink.open();
  });

  afterEach(() => device.close());

  it('fails for now after a while', async () => {
    await expect(sink.write(batch)).rejects.toMatchObject({
      errorType: 'timeout',
      message: 'LOG_PATH=stdout: standard output was not read for 5 ms: look at what reads it',
    });
    await expect(sink.check()).rejects.toMatchObject({ errorType: 'timeout' });
  });

  it('keeps no more than one batch waiting, however often it is tried', async () => {
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'timeout' });
    }

    expect(output.writableLength).toBe(lines.length);
  });

  it('continues when it is read again', async () => {
    await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'timeout' });
    output.takeAll();

    await sink.write(batch);

    expect(output.pieces).toEqual([lines, lines]);
    await expect(sink.check()).resolves.toBeUndefined();
  });

  it('survives a failure of what it no longer waits for', async () => {
    await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'timeout' });
    output.fail();

    await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'connection' });
  });
});
