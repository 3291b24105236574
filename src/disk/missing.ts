/** For the `catch` of a file operation: a file that is not there gives `value`, any other error is thrown. */
export function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') {
      return value;
    }
    throw error;
  };
}
