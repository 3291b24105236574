import 'reflect-metadata';
import {
  IsArray,
  IsBoolean,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

/*
 * What a client may say, and the one place that says so: the schema is made from these classes. Every
 * field is optional, and what no class names is allowed. A class stands before the one that uses it,
 * because the decorators' metadata refers to it when the module is loaded.
 */

/** The property says it to people, in the schema that is published. */
const Described = (description: string) => JSONSchema({ description });

export class UtmFields {
  @IsOptional() @IsString() source?: string;
  @IsOptional() @IsString() medium?: string;
  @IsOptional() @IsString() campaign?: string;
  @IsOptional() @IsString() term?: string;
  @IsOptional() @IsString() content?: string;
  @IsOptional() @IsString() id?: string;
  @IsOptional() @IsString() campaign_id?: string;
}

export class GoogleFields {
  @IsOptional() @IsString() gclid?: string;
  @IsOptional() @IsString() gclsrc?: string;
  @IsOptional() @IsString() gbraid?: string;
  @IsOptional() @IsString() wbraid?: string;
  @IsOptional() @IsString() campaign_id?: string;
  @IsOptional() @IsString() ad_group_id?: string;
  @IsOptional() @IsString() ad_id?: string;
  @IsOptional() @IsString() keyword_id?: string;
  @IsOptional() @IsString() matchtype?: string;
  @IsOptional() @IsString() network?: string;
  @IsOptional() @IsString() device?: string;
  @IsOptional() @IsString() placement?: string;
}

export class MetaFields {
  @IsOptional() @IsString() fbclid?: string;
  @IsOptional() @IsString() fbc?: string;
  @IsOptional() @IsString() fbp?: string;
  @IsOptional() @IsString() campaign_id?: string;
  @IsOptional() @IsString() adset_id?: string;
  @IsOptional() @IsString() ad_id?: string;
}

export class MicrosoftFields {
  @IsOptional() @IsString() msclkid?: string;
}

export class OtherClickIds {
  @IsOptional() @IsString() ttclid?: string;
  @IsOptional() @IsString() li_fat_id?: string;
  @IsOptional() @IsString() epik?: string;
  @IsOptional() @IsString() twclid?: string;
  @IsOptional() @IsString() dclid?: string;
}

export class UrlFields {
  @IsOptional() @ValidateNested() utm?: UtmFields;
  @IsOptional() @ValidateNested() google?: GoogleFields;
  @IsOptional() @ValidateNested() meta?: MetaFields;
  @IsOptional() @ValidateNested() microsoft?: MicrosoftFields;
  @IsOptional() @ValidateNested() other_click_ids?: OtherClickIds;
  @IsOptional() @IsString() referrer?: string;
  @IsOptional() @IsString() referrer_hostname?: string;
  @Described('The query of the page, without `?`.') @IsOptional() @IsString() raw_query?: string;
  @Described('UTF-8 bytes of `raw_query`.') @IsOptional() @IsNumber() query_size?: number;
}

export class RouteFields {
  @IsOptional() @IsString() domain?: string;
  @IsOptional() @IsString() path?: string;
  @IsOptional() @IsString() fullPath?: string;
  @Described('With its `#`.') @IsOptional() @IsString() hash?: string;
  @IsOptional() @IsString() canonical_url?: string;
  @IsOptional() @IsString() title?: string;
  @Described('Without its colon.') @IsOptional() @IsString() protocol?: string;
  @IsOptional() @IsObject() query?: Record<string, unknown>;
}

export class ScreenFields {
  @IsOptional() @IsNumber() width?: number;
  @IsOptional() @IsNumber() height?: number;
  @IsOptional() @IsNumber() availWidth?: number;
  @IsOptional() @IsNumber() availHeight?: number;
  @IsOptional() @IsNumber() colorDepth?: number;
  @IsOptional() @IsNumber() pixelDepth?: number;
}

export class DeviceFields {
  @IsOptional() @IsString() ua?: string;
  @IsOptional() @IsArray() @IsString({ each: true }) ua_brands?: string[];
  @IsOptional() @IsBoolean() ua_mobile?: boolean;
  @IsOptional() @IsString() os?: string;
  @IsOptional() @IsString() browser?: string;
  @IsOptional() @IsString() language?: string;
  @IsOptional() @IsArray() @IsString({ each: true }) languages?: string[];
  @IsOptional() @IsString() tz?: string;
  @IsOptional() @IsNumber() tz_offset_minutes?: number;
  @Described('CSS pixels.') @IsOptional() @IsNumber() viewport_w?: number;
  @Described('CSS pixels.') @IsOptional() @IsNumber() viewport_h?: number;
  @IsOptional() @IsNumber() device_pixel_ratio?: number;
  @IsOptional() @IsNumber() hardware_concurrency?: number;
  @Described('GiB.') @IsOptional() @IsNumber() device_memory?: number;
  @IsOptional() @IsNumber() maxTouchPoints?: number;
  @IsOptional() @IsString() prefers_color_scheme?: string;
  @IsOptional() @IsBoolean() prefers_reduced_motion?: boolean;
  @IsOptional() @IsBoolean() cookie_enabled?: boolean;
  @IsOptional() @IsBoolean() storage_available?: boolean;
  @IsOptional() @IsString() network_effective_type?: string;
  @Described('Mbit/s.') @IsOptional() @IsNumber() network_downlink?: number;
  @Described('Milliseconds.') @IsOptional() @IsNumber() network_rtt?: number;
  @IsOptional() @IsBoolean() network_save_data?: boolean;
  @IsOptional() @IsString() gpu?: string;
  @IsOptional() @IsNumber() monitors?: number;

  // An array's element class is in no metadata: the reference says it.
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @JSONSchema({ items: { $ref: '#/definitions/ScreenFields' } })
  screens?: ScreenFields[];
}

export class SessionFields {
  @IsOptional() @IsString() visitor_id?: string;
  @IsOptional() @IsString() session_id?: string;
  @IsOptional() @IsString() session_start_ts?: string;
  @IsOptional() @IsNumber() session_seq?: number;
  @IsOptional() @IsString() first_visit_ts?: string;
}

@Described('Who it is, when the client knows.')
export class UserFields {
  @IsOptional() @IsString() id?: string;
  @IsOptional() @IsString() group_id?: string;
  @Described('The one that `id` takes the place of.')
  @IsOptional()
  @IsString()
  previous_id?: string;
  @IsOptional() @IsObject() traits?: Record<string, unknown>;
}

@Described(
  'One event. Every field is optional, and null counts as absent. An unknown field moves into `props`; unknown nested fields stay. `received_at` and `server` are written by the server alone.',
)
export class EventFields {
  @Described(
    'Given by the client, so that a repeated event can be told; else a UUIDv7 of the server.',
  )
  @IsOptional()
  @IsString()
  event_id?: string;
  @Described(
    'RFC 3339, or seconds or milliseconds since the epoch. Anything else is moved into `props`.',
  )
  @IsOptional()
  ts?: unknown;
  @Described(
    'The clock of the client when the request leaves, in the same forms: it corrects `ts` and is not stored.',
  )
  @IsOptional()
  sent_at?: unknown;
  @Described('At most 128 bytes; `pageview` without one.') @IsOptional() @IsString() type?: string;
  @IsOptional() @ValidateNested() url?: UrlFields;
  @IsOptional() @ValidateNested() route?: RouteFields;
  @IsOptional() @ValidateNested() device?: DeviceFields;
  @IsOptional() @ValidateNested() session?: SessionFields;
  @IsOptional() @ValidateNested() user?: UserFields;
  @Described('Anything else that is to be said of the event.')
  @IsOptional()
  @IsObject()
  props?: Record<string, unknown>;
}
