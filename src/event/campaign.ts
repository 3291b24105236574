import type { Fields } from './fields.js';
import { firstNotEmpty, type Query } from './query.js';

export type CampaignGroup = 'utm' | 'google' | 'meta' | 'microsoft' | 'other_click_ids';

export interface CampaignField {
  readonly group: CampaignGroup;
  readonly name: string;
  /**
   * The pixel's own query may say it too. The other names are too common for that (`device`, `network`):
   * there they are the client's attributes.
   */
  readonly fromPixel: boolean;
}

/** Query parameter → field of `url`. */
const FIELDS: ReadonlyMap<string, CampaignField> = new Map([
  ...table('utm', true, {
    utm_source: 'source',
    utm_medium: 'medium',
    utm_campaign: 'campaign',
    utm_term: 'term',
    utm_content: 'content',
    utm_id: 'id',
    utm_campaign_id: 'campaign_id',
  }),
  ...table('google', true, {
    gclid: 'gclid',
    gclsrc: 'gclsrc',
    gbraid: 'gbraid',
    wbraid: 'wbraid',
  }),
  ...table('google', false, {
    campaignid: 'campaign_id',
    adgroupid: 'ad_group_id',
    creative: 'ad_id',
    keyword: 'keyword_id',
    matchtype: 'matchtype',
    network: 'network',
    device: 'device',
    placement: 'placement',
  }),
  ...table('meta', true, { fbclid: 'fbclid', fbc: 'fbc', fbp: 'fbp' }),
  ...table('meta', false, {
    campaign_id: 'campaign_id',
    adset_id: 'adset_id',
    ad_id: 'ad_id',
  }),
  ...table('microsoft', true, { msclkid: 'msclkid' }),
  ...table('other_click_ids', true, {
    ttclid: 'ttclid',
    li_fat_id: 'li_fat_id',
    epik: 'epik',
    twclid: 'twclid',
    dclid: 'dclid',
  }),
]);

/** The parameters that the pixel's own query may have, each with the field that it fills. */
export const PIXEL_PARAMETERS: ReadonlyMap<string, string> = new Map(
  [...FIELDS]
    .filter(([, { fromPixel }]) => fromPixel)
    .map(([parameter, { group, name }]) => [parameter, `url.${group}.${name}`]),
);

const GROUPS: readonly CampaignGroup[] = ['utm', 'google', 'meta', 'microsoft', 'other_click_ids'];

/** The field that a query parameter fills. */
export function campaignField(parameter: string): CampaignField | undefined {
  return FIELDS.get(parameter) ?? FIELDS.get(plainName(parameter));
}

/** Names count in any case, and as one of a list: `utm_source[]`. */
export function plainName(parameter: string): string {
  return (parameter.endsWith('[]') ? parameter.slice(0, -2) : parameter).toLowerCase();
}

export function hasCampaign(url: Readonly<Fields>): boolean {
  return GROUPS.some((group) => (url[group] ?? undefined) !== undefined);
}

/** Adds to `url` what a query says about the campaign, and `url` does not. */
export function addCampaign(url: Fields, query: Query): void {
  for (const [name, value] of query) {
    const field = campaignField(name);
    if (field !== undefined) {
      addCampaignValue(url, field, firstNotEmpty(value) as string);
    }
  }
}

/** Sets the field in `url`, unless it is set already or there is nothing to set. */
export function addCampaignValue(url: Fields, field: CampaignField, value: string): void {
  if (value === '') {
    return;
  }
  const group = url[field.group] as Fields | null | undefined;
  if (group === undefined || group === null) {
    // Not `{ [name]: value }`, which takes four times as long.
    const created: Fields = {};
    created[field.name] = value;
    url[field.group] = created;
  } else {
    group[field.name] ??= value;
  }
}

function table(
  group: CampaignGroup,
  fromPixel: boolean,
  names: Readonly<Record<string, string>>,
): [string, CampaignField][] {
  return Object.entries(names).map(([parameter, name]) => [parameter, { group, name, fromPixel }]);
}
