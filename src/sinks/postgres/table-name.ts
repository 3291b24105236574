import { type Parser, InvalidValueError } from '../../config/setting.js';

/** Bytes; PostgreSQL cuts longer names off. */
const MAX_NAME_BYTES = 63;

const PLAIN_NAME = /^[a-z_][a-z\d_]*$/i;

/** `table` or `schema.table`. */
export const tableName: Parser<string> = (value) => {
  const parts = value.split('.');
  const sound = parts.every((part) => PLAIN_NAME.test(part) && part.length <= MAX_NAME_BYTES);
  if (parts.length > 2 || !sound) {
    throw new InvalidValueError(
      `must be table or schema.table, each of letters, digits and underscores, not beginning with a digit, at most ${MAX_NAME_BYTES} long`,
    );
  }
  return value;
};

/** As SQL means the name without quotes, in any case; with them, a reserved word can be one. */
export function quotedTable(name: string): string {
  return name
    .toLowerCase()
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
