import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { Fleet } from '../queueing/fleet.js';
import { fleetStats } from './lane-stats.js';

/** Tells the observer what the whole fleet has delivered, where there is one. */
@Injectable()
export class FleetReport implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(Fleet) private readonly fleet: Fleet | undefined,
    private readonly observer: PipelineObserver,
  ) {}

  onApplicationBootstrap(): void {
    const { fleet } = this;
    if (fleet) {
      this.observer.fleetOpened({
        status: async () => fleetStats(await fleet.status()),
        owned: () => fleet.owned(),
      });
    }
  }

  onApplicationShutdown(): void {
    this.fleet?.close();
  }
}
