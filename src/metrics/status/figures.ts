const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const DAY = 86_400;

export function count(number: number): string {
  return WHOLE.format(number);
}

/** A number of things, by their name in the singular. */
export function counted(number: number, thing: string): string {
  return `${count(number)} ${thing}${number === 1 ? '' : 's'}`;
}

/** A small rate is not shown as none. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.1 ? '< 0.1' : TENTHS.format(perSecond);
}

export function bytes(size: number): string {
  let [value, unit] = [size, 0];
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${TENTHS.format(value)} ${UNITS[unit]}`;
}

/** The two largest units, as `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / DAY), 'd'],
    [Math.floor((whole % DAY) / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  return first === -1
    ? '0 s'
    : parts
        .slice(first, first + 2)
        .filter(([amount]) => amount > 0)
        .map(([amount, unit]) => `${amount} ${unit}`)
        .join(' ');
}

/** To the second, in UTC. */
export function time(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** When something was that is so long ago. */
export function timeBefore(now: Date, seconds: number): string {
  return time(new Date(now.getTime() - seconds * 1000));
}
