import { totalmem } from 'node:os';
import { expect, it } from 'vitest';
import { availableMemory, connectionLimit } from './max-connections.js';

const MIB = 1024 * 1024;
const PLENTY = { descriptors: undefined, memoryBytes: 65_536 * MIB, heapBytes: 4096 * MIB };

it.each([
  [1_048_576, 16_384],
  [undefined, 16_384],
  [4096, 3840],
  [1024, 768],
  [256, 128],
])('leaves descriptors to the rest of the program: of %s, %s are for connections', (all, most) => {
  expect(connectionLimit({ ...PLENTY, descriptors: all })).toBe(most);
});

it.each([
  [256, 1638],
  [1024, 6553],
  [65_536, 16_384],
  [1, 64],
])('leaves memory to the rest of the program: with %s MiB, %s may be open', (mebibytes, most) => {
  expect(connectionLimit({ ...PLENTY, memoryBytes: mebibytes * MIB })).toBe(most);
});

it.each([
  [64, 2048],
  [256, 8192],
  [4096, 16_384],
])('leaves the heap to the rest of the program: with %s MiB, %s may be open', (mebibytes, most) => {
  expect(connectionLimit({ ...PLENTY, heapBytes: mebibytes * MIB })).toBe(most);
});

it('takes the least of all bounds', () => {
  expect(connectionLimit({ descriptors: 1024, memoryBytes: 256 * MIB, heapBytes: 64 * MIB })).toBe(
    768,
  );
});

it('knows the memory of this process', () => {
  const { memoryBytes, heapBytes } = availableMemory();
  expect(memoryBytes).toBeGreaterThan(0);
  expect(memoryBytes).toBeLessThanOrEqual(totalmem());
  expect(heapBytes).toBeGreaterThan(0);
});
