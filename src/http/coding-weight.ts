/** The weight from 0 to 1 that an `Accept-Encoding` header (RFC 9110, 12.5.3) gives to a coding by name; 0 without one. */
export function codingWeight(header: string | undefined, coding: string): number {
  for (const part of (header ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase());
    if (name === coding) {
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    }
  }
  return 0;
}
