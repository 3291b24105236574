const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The Gregorian calendar repeats after 400 years. */
const CYCLE_MS = 146_097 * DAY_MS;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const FORM = /^(\d{4})-(\d\d)-(\d\d)t(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:z|([+-])(\d\d):(\d\d))$/i;

/**
 * Milliseconds since the epoch of an RFC 3339 date-time, cut to whole ones; undefined when it is none.
 * Stricter than `Date.parse`: the date is in the calendar and an offset is given. A leap second
 * (RFC 3339, section 5.7: only at 23:59:60 UTC) counts as the first second of the next day.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = FORM.exec(text);
  if (!match) {
    return undefined;
  }
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6])];
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) {
    return undefined;
  }
  if (day < 1 || day > daysInMonth(year, month)) {
    return undefined;
  }
  const offsetMinutes = (match[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999: ask for the same day of a later cycle.
  const minuteMs =
    Date.UTC(year + 400, month - 1, day, hour, minute) - CYCLE_MS - offsetMinutes * MINUTE_MS;
  if (second === 60 && (minuteMs + MINUTE_MS) % DAY_MS !== 0) {
    return undefined;
  }
  const fraction = match[7] === undefined || second === 60 ? 0 : milliseconds(match[7]);
  return minuteMs + second * 1000 + fraction;
}

/** 0 for a month that there is not. */
function daysInMonth(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return (DAYS_IN_MONTH[month - 1] ?? 0) + (leap ? 1 : 0);
}

function milliseconds(fraction: string): number {
  return Number(fraction.slice(0, 3).padEnd(3, '0'));
}
