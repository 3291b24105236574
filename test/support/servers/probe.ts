/**
 * Asks on a new connection, as a probe does.
 * @returns the status of the answer, or why there was none
 */
export async function probe(url: string): Promise<number | string> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}
