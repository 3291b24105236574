import { type Fields, isFields } from './fields.js';
import { createSanitizer, type Sanitizer } from './sanitize.js';

/**
 * A sanitizer for a parameter that hardly any event holds: it looks before it copies, and gives the event itself
 * when there is nothing to strip.
 */
export function stripParameter(name: string): Sanitizer {
  const sanitizer = createSanitizer([name]) as Sanitizer;
  return {
    strips: (parameter) => sanitizer.strips(parameter),
    event: (event) => (holds(event, sanitizer) ? sanitizer.event(event) : event),
  };
}

function holds(event: Readonly<Fields>, sanitizer: Sanitizer): boolean {
  const { url, route } = event;
  const rawQuery = isFields(url) ? url['raw_query'] : undefined;
  const query = isFields(route) ? route['query'] : undefined;
  return (
    inValue(event, sanitizer) ||
    (typeof rawQuery === 'string' && inText(`?${rawQuery}`, sanitizer)) ||
    (isFields(query) && Object.keys(query).some((name) => sanitizer.strips(name)))
  );
}

function inValue(value: unknown, sanitizer: Sanitizer): boolean {
  if (typeof value === 'string') {
    return inText(value, sanitizer);
  }
  if (Array.isArray(value)) {
    return value.some((element) => inValue(element, sanitizer));
  }
  if (isFields(value)) {
    for (const name in value) {
      if (inText(name, sanitizer) || inValue(value[name], sanitizer)) {
        return true;
      }
    }
  }
  return false;
}

/** A parameter has a sign of equality, which may be percent-encoded. */
function inText(text: string, sanitizer: Sanitizer): boolean {
  return (text.includes('=') || text.includes('%')) && sanitizer.event({ text })['text'] !== text;
}
