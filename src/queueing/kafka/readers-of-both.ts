import { type BatchSource, Readers } from '../event-queue.js';
import { FORWARD_LANE } from '../queue-plan.js';

/** The reader of what is on its way to the topic, and those of the topic, in one process. */
export class ReadersOfBoth extends Readers {
  constructor(
    private readonly local: Readers,
    private readonly ofTopic: Readers,
  ) {
    super();
  }

  override reader(sink: string): BatchSource {
    return (sink === FORWARD_LANE ? this.local : this.ofTopic).reader(sink);
  }

  override async close(): Promise<void> {
    await Promise.all([this.local.close(), this.ofTopic.close()]);
  }
}
