import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import { ParsingTurns } from './body/parsing-turns.js';
import { IngestionOptions } from './ingestion.options.js';
import { Intake } from './intake.js';
import { Preparation } from './preparation.js';
import type { RequestFacts } from './request-facts.js';

const SAMPLES: readonly object[] = [
  {
    type: 'pageview',
    url: { raw_query: 'utm_source=newsletter&utm_medium=email&utm_campaign=spring' },
    ...onPage('/', 'Home'),
    props: { sample: true },
  },
  {
    type: 'product_view',
    ...onPage('/p/1', 'A product'),
    props: { sample: true, sku: 'A-1', price: 19.9 },
  },
  {
    type: 'add_to_cart',
    ...onPage('/p/1', 'A product'),
    props: { sample: true, sku: 'A-1', quantity: 2 },
  },
  {
    type: 'purchase',
    ...onPage('/done', 'Thank you'),
    props: { sample: true, total: 39.8, currency: 'EUR' },
  },
  { type: 'signup', ...onPage('/join', 'Join'), props: { sample: true, plan: 'pro' } },
];

/** With TEST_MODE, sends a few events through the intake at each start, as if one request had brought them. */
@Injectable()
export class SampleEvents implements OnApplicationBootstrap {
  private readonly logger = new Logger('SampleEvents');

  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly turns: ParsingTurns,
    private readonly preparation: Preparation,
    private readonly intake: Intake,
  ) {}

  /** The start does not wait for the disk. */
  onApplicationBootstrap(): void {
    if (this.options.testMode) {
      void this.send();
    }
  }

  private async send(): Promise<void> {
    const facts: RequestFacts = {
      receivedAtMs: Date.now(),
      headers: {},
      query: '',
      address: undefined,
      isFromServer: true,
    };
    try {
      const contexts = this.preparation.contextsOf('/collect', facts);
      const work = this.preparation.ofRequest(SAMPLES, contexts);
      const { accepted } = await this.intake.take('/collect', await this.turns.run(work, 0));
      this.logger.log(`TEST_MODE: ${accepted} sample events were accepted`);
    } catch (error) {
      this.logger.error(`TEST_MODE: the sample events were not accepted: ${String(error)}`);
    }
  }
}

function onPage(path: string, title: string): object {
  return {
    route: { domain: 'shop.example', path, fullPath: path, title, protocol: 'https' },
    session: { visitor_id: 'sample-visitor', session_id: 'sample-session' },
  };
}
