import { Logger } from '@nestjs/common';

/** Longer than a healthy disk or broker takes, shorter than a scraper waits (10 s unless it is configured otherwise). */
const TIMEOUT_MS = 5_000;

/** Asks what may not answer: one question for all metrics of a scrape, for on a hung disk each further one would hang a thread. */
export class BoundedAnswer<T> {
  private readonly logger = new Logger('Metrics');
  private unanswered: Promise<T> | undefined;
  private answers = true;

  /** @param trouble what is logged when there is no answer, before the reason */
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly trouble: string,
  ) {}

  /** `undefined` without an answer: its series are then absent. Takes a few seconds at most. */
  async get(): Promise<T | undefined> {
    const timeout = Promise.withResolvers<undefined>();
    const timer = setTimeout(timeout.resolve, TIMEOUT_MS, undefined).unref();
    try {
      this.unanswered ??= this.ask().finally(() => {
        this.unanswered = undefined;
      });
      const answer = await Promise.race([this.unanswered, timeout.promise]);
      if (answer === undefined) {
        throw new Error(`no answer within ${TIMEOUT_MS} ms`);
      }
      this.answers = true;
      return answer;
    } catch (error) {
      if (this.answers) {
        this.answers = false;
        this.logger.warn(`${this.trouble}: ${String(error)}`);
      }
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
