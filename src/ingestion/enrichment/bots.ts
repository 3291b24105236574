import { Injectable } from '@nestjs/common';
import { findBotMatch } from 'isbot';
import { InjectOptions } from '../../config/inject-options.js';
import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import type { DropReason } from '../../event/reasons.js';
import { BoundedTable } from '../bounded-table.js';
import type { RequestFacts } from '../request-facts.js';
import { type BotFinding, verdictOf } from './bot-verdict.js';
import { headerOf } from './client-hints.js';
import { compilePatterns, UNKNOWN_USER_AGENT } from './compile-patterns.js';
import { EnrichmentOptions, type BotMode } from './enrichment.options.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { AUTOMATION_MARKERS, type BotHeaders, CONTRADICTIONS } from './header-signs.js';
import { userAgentOfEvent } from './user-agent-of-event.js';

/** A look through the list takes 10 to 30 µs. At most about 4 KB each. */
const MAX_CACHED = 2000;
/** Characters of a name. */
const MAX_NAME_LENGTH = 64;
const NO_SIGNS = { brands: '', platform: '', secFetchSite: '', from: '', signatureAgent: '' };

/** Says whether a person or a program sent an event, and why it thinks so. */
@Injectable()
export class Bots extends EnrichmentStep {
  override readonly name = 'bots';
  override readonly isOn: boolean;
  private readonly mode: BotMode;
  private readonly cache = new BoundedTable<Enriched>(MAX_CACHED);

  constructor(@InjectOptions(EnrichmentOptions) { bots }: EnrichmentOptions) {
    super();
    this.mode = bots;
    this.isOn = bots !== 'off';
    if (this.isOn) {
      compilePatterns(() => findBotMatch(UNKNOWN_USER_AGENT));
    }
  }

  override ofRequest({ headers, isFromSdk }: RequestFacts, before: Enriched): Enriched | undefined {
    const userAgent = headerOf(headers, 'user-agent');
    if (!this.isOn || before.isFromServer || (isFromSdk && userAgent === '')) {
      return undefined;
    }
    const found = this.of({
      userAgent,
      brands: headerOf(headers, 'sec-ch-ua'),
      platform: headerOf(headers, 'sec-ch-ua-platform'),
      secFetchSite: headerOf(headers, 'sec-fetch-site'),
      from: headerOf(headers, 'from'),
      signatureAgent: headerOf(headers, 'signature-agent'),
    });
    return before.drop === undefined ? found : { ...found, drop: before.drop };
  }

  override ofEvent(event: Readonly<Fields>, request: Enriched): ServerFields | undefined {
    if (!this.isOn || !request.isFromServer) {
      return undefined;
    }
    const userAgent = userAgentOfEvent(event);
    return userAgent === undefined ? undefined : this.of({ userAgent, ...NO_SIGNS }).server;
  }

  override dropOf(server: ServerFields): DropReason | undefined {
    return this.mode === 'drop' && verdictOf(server) === 'bot' ? 'bot' : undefined;
  }

  private of(headers: BotHeaders): Enriched {
    const key = keyOf(headers);
    let found = this.cache.get(key);
    if (found === undefined) {
      const server = { bot: findingOf(headers) };
      const drop = this.dropOf(server);
      found = drop === undefined ? { server } : { server, drop };
      this.cache.set(key, found);
    }
    return found;
  }
}

/** Whether there is a `Sec-Fetch-Site` counts, not what it says. A header holds no newline. */
function keyOf(headers: BotHeaders): string {
  const { userAgent, brands, platform, secFetchSite, from, signatureAgent } = headers;
  return `${userAgent}\n${brands}\n${platform}\n${secFetchSite === '' ? '' : 'x'}\n${from}\n${signatureAgent}`;
}

function findingOf(headers: BotHeaders): BotFinding {
  const { userAgent } = headers;
  const match = findBotMatch(userAgent);
  const marks = AUTOMATION_MARKERS.filter((sign) => sign.isIn(headers)).map(({ name }) => name);
  const reasons = match === null ? marks : ['user_agent', ...marks];
  if (match !== null) {
    return { verdict: 'bot', name: nameAround(userAgent, match), reasons };
  }
  if (reasons.length > 0) {
    return { verdict: 'bot', reasons };
  }
  const contradictions =
    userAgent === ''
      ? ['no_user_agent']
      : CONTRADICTIONS.filter((sign) => sign.isIn(headers)).map(({ name }) => name);
  return contradictions.length > 0
    ? { verdict: 'suspect', reasons: contradictions }
    : { verdict: 'human' };
}

/** The whole word that a part of the list was found in: `Googlebot` for `Google`. */
function nameAround(userAgent: string, match: string): string {
  const before = userAgent.slice(0, userAgent.indexOf(match));
  const word = userAgent.slice(before.search(/[^\s;,()/"'[\]]*$/)).trimStart();
  // An address in it says that it is a bot, and not which one: that is what User-Agent begins with.
  const text = /^\+?https?:/i.test(word) ? userAgent : word;
  const name = /^[^;,()/"'[\]]+/
    .exec(text)?.[0]
    .split(/\s+(?=[\d+])/, 1)[0]
    ?.trim();
  return (name || match.trim()).slice(0, MAX_NAME_LENGTH);
}
