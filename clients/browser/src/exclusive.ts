/** Other processes may see a removal from `localStorage` this much later. */
const SETTLING_MS = 1000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs `work` while no other tab of this origin runs its own; where there are no locks (no HTTPS, some frames), it
 * just runs. The lock is kept for a second after work that removed something, and never waited for.
 * @param work resolves to whether it removed something; never rejects
 * @returns false when another tab has the lock
 */
export async function exclusively(work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await navigator.locks.request('gotrack', { ifAvailable: true }, async (lock) => {
      if (lock && (await work())) {
        await sleep(SETTLING_MS);
      }
      return !!lock;
    });
  } catch {
    await work();
    return true;
  }
}
