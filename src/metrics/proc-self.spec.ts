import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { maxFileDescriptors, openFileDescriptors, virtualMemoryBytes } from './proc-self.js';

describe.runIf(process.platform === 'linux')('what Linux shows of the process', () => {
  it('is more virtual memory than resident', async () => {
    await expect(virtualMemoryBytes()).resolves.toBeGreaterThan(process.memoryUsage.rss());
  });

  it('counts a file that is opened', async () => {
    const before = (await openFileDescriptors()) ?? Number.NaN;
    const files = await Promise.all(Array.from({ length: 20 }, () => open('/dev/null')));
    try {
      await expect(openFileDescriptors()).resolves.toBeGreaterThan(before + 10);
    } finally {
      await Promise.all(files.map((file) => file.close()));
    }
  });

  it('stays below the limit of open files', async () => {
    const limit = await maxFileDescriptors();
    await expect(openFileDescriptors()).resolves.toBeLessThan(limit ?? Infinity);
  });
});
