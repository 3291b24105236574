import { describe, expect, it } from 'vitest';
import { interactionToNextPaint, layoutShift } from './vitals.js';

type Shift = Parameters<ReturnType<typeof layoutShift>>[0];
type Interaction = Parameters<ReturnType<typeof interactionToNextPaint>>[0];

const shift = (startTime: number, value: number, hadRecentInput = false): Shift =>
  ({ startTime, value, hadRecentInput }) as Shift;
const interaction = (interactionId: number, duration: number): Interaction =>
  ({ interactionId, duration }) as Interaction;

describe('cumulative layout shift', () => {
  it('is the largest sum of shifts that follow each other within a second', () => {
    const cls = layoutShift();
    expect(cls(shift(0, 0.1))).toBe(0.1);
    expect(cls(shift(900, 0.1))).toBe(0.2);
    expect(cls(shift(2500, 0.05))).toBe(0.2);
    expect(cls(shift(2600, 0.2))).toBe(0.25);
  });

  it('has windows of at most five seconds', () => {
    const cls = layoutShift();
    const all = Array.from({ length: 12 }, (_, count) => cls(shift(count * 900, 0.1)));
    expect(Math.max(...all)).toBe(0.6);
  });

  it('leaves out what the visitor caused', () => {
    expect(layoutShift()(shift(0, 0.5, true))).toBe(0);
  });
});

describe('interaction to next paint', () => {
  it('is the slowest interaction, each counted once', () => {
    const inp = interactionToNextPaint();
    expect(inp(interaction(0, 900))).toBeUndefined();
    expect(inp(interaction(1, 80))).toBe(80);
    expect(inp(interaction(1, 120))).toBe(120);
    expect(inp(interaction(2, 64))).toBe(120);
  });

  it('leaves out one outlier of fifty', () => {
    const inp = interactionToNextPaint();
    inp(interaction(1000, 2000));
    const all = Array.from({ length: 60 }, (_, id) => inp(interaction(id + 1, 100 + id)));
    expect(all[40]).toBe(2000);
    expect(all.at(-1)).toBe(159);
  });
});
