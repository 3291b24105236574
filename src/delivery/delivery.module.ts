import { type DynamicModule, Global, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { EventQueue, Readers } from '../queueing/event-queue.js';
import { deliveredSinks, forwards, type QueuePlan } from '../queueing/queue-plan.js';
import { type ConfiguredSink, SINKS } from '../sinks/configured-sinks.js';
import { SinksModule } from '../sinks/sinks.module.js';
import { BoundedDeadLetters } from './dead-letters/bounded-dead-letters.js';
import { DeadLetterFiles } from './dead-letters/dead-letter-files.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { DeadLetterStore } from './dead-letters/dead-letter-store.js';
import { FleetReport } from './fleet-report.js';
import { FORWARD_INPUT, forwardProviders } from './forward/forward.providers.js';
import { LANE_INPUTS, type LaneInput } from './lane-input.js';
import { Lanes } from './lanes.js';

const MIB = 1024 * 1024;

/**
 * The lanes out of the queue, which like the requests about dead letters comes from a global module. Where one leads to
 * a topic, the way into the queue is here, too.
 */
@Global()
@Module({})
export class DeliveryModule {
  static forRoot(plan: QueuePlan): DynamicModule {
    const isForwarding = forwards(plan);
    return {
      module: DeliveryModule,
      imports: deliveredSinks(plan).length > 0 ? [SinksModule] : [],
      providers: [
        {
          provide: DeadLetterStore,
          inject: [getConfigToken(DeadLetterOptions.key)],
          useFactory: ({ path, maxMegabytes }: DeadLetterOptions) =>
            new BoundedDeadLetters(new DeadLetterFiles(path, maxMegabytes * MIB), path),
        },
        DeadLetters,
        {
          provide: LANE_INPUTS,
          inject: [
            Readers,
            { token: FORWARD_INPUT, optional: true },
            { token: SINKS, optional: true },
          ],
          useFactory: laneInputs,
        },
        Lanes,
        FleetReport,
        ...(isForwarding ? forwardProviders(plan) : []),
      ],
      exports: [Lanes, ...(isForwarding ? [EventQueue] : [])],
    };
  }
}

function laneInputs(
  readers: Readers,
  forward: LaneInput | undefined,
  sinks: readonly ConfiguredSink[] = [],
): readonly LaneInput[] {
  return [
    ...(forward ? [forward] : []),
    ...sinks.map(({ name, sink, bounds }) => ({ source: readers.reader(name), sink, bounds })),
  ];
}
