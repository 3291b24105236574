/** Writes the result of a command. */
export function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

/** Writes the result of a command for a program. */
export function printJson(value: object): void {
  print(JSON.stringify(value, undefined, 2));
}

/** Writes what went wrong, or may. */
export function complain(text: string): void {
  process.stderr.write(`${text.trimEnd()}\n`);
}
