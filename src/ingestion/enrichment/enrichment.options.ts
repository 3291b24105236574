import { boolean, oneOf } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';

const BOT_MODES = ['mark', 'drop', 'off'] as const;
export type BotMode = (typeof BOT_MODES)[number];

/** What the server adds to events. */
export class EnrichmentOptions {
  static readonly key = 'enrichment';

  @Setting('ENRICH_USER_AGENT', boolean, {
    doc: 'Adds server.client: browser, operating system and class of device, from User-Agent and client hints.',
  })
  readonly enrichUserAgent: boolean = true;

  @Setting('BOTS', oneOf(...BOT_MODES), {
    doc: 'What becomes of events of bots: mark says in server.bot what was found, drop does not record those of known bots and automation, off does not look.',
  })
  readonly bots: BotMode = 'mark';

  @Setting('ENRICH_CHANNEL', boolean, {
    doc: 'Adds server.channel: how the visitor came, from campaign parameters, click ids and the referrer.',
  })
  readonly enrichChannel: boolean = true;
}
