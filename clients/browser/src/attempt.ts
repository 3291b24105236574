/** What `work` gives, or undefined when it throws: nothing of ours may reach the page as an error. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
