// Measures what happens when more comes than it can take: a closed loop finds what that is, then twice as much
// arrives by the clock, whether the answers keep up or not. Generator and program share the machine.
import { Workplace } from '../test/support/servers/collector.js';
import { capacityOf, overload } from '../test/support/load/overload.js';
import { describeOverload } from '../test/support/load/overload-figures.js';

const PIXEL = '/px.gif?e=load';
const FACTOR = 2;
const SECONDS = 60;
const CAPACITY_SECONDS = 10;
/** Before the measurement: V8 compiles what is hot. */
const WARM_UP_SECONDS = 3;
/** What a container of 1 GiB has. */
const HEAP = '--max-old-space-size=512';

export async function run(): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start({ NODE_OPTIONS: HEAP });
    const target = { port: collector.port, target: PIXEL };
    await capacityOf(target, WARM_UP_SECONDS);
    const capacity = await capacityOf(target, CAPACITY_SECONDS);
    const measured = await overload(collector, PIXEL, {
      capacity,
      factor: FACTOR,
      seconds: SECONDS,
      prefix: 'overload-',
    });
    console.log(describeOverload(measured));
    const unclean = Object.keys(measured.load.statuses).filter(
      (status) => !['200', '503'].includes(status),
    );
    if (unclean.length > 0 || measured.polls.some(({ status }) => status !== 200)) {
      console.log(`not clean: ${unclean.join()}`);
      process.exitCode = 1;
    }
    await collector.stop();
  } finally {
    await workplace.remove();
  }
}
