import type { Parameter, Reference } from './operation.js';

/** Parameters that many operations have. */
export const SHARED_PARAMETERS = {
  ContentEncoding: {
    name: 'Content-Encoding',
    in: 'header',
    description: 'How the body is compressed.',
    schema: { enum: ['gzip', 'deflate', 'br', 'identity'] },
  },
  DoNotTrack: {
    name: 'DNT',
    in: 'header',
    description: '`1`: the visitor asks for privacy; `PRIVACY_SIGNALS` says what that does.',
    schema: { enum: ['0', '1'] },
  },
  GlobalPrivacyControl: {
    name: 'Sec-GPC',
    in: 'header',
    description: '`1` means the same as `DNT: 1`.',
    schema: { enum: ['0', '1'] },
  },
  SentAt: {
    name: 'gt_sent_at',
    in: 'query',
    description:
      'The clock of the client when the request leaves: RFC 3339, or seconds or milliseconds since the epoch. It corrects `ts`.',
    schema: { type: ['string', 'number'] },
  },
} as const satisfies Record<string, Parameter>;

export const shared = (name: keyof typeof SHARED_PARAMETERS): Reference => ({
  $ref: `#/components/parameters/${name}`,
});

/** What a request with events may say of them, beside its body. */
export const EVENT_PARAMETERS = [
  shared('SentAt'),
  shared('DoNotTrack'),
  shared('GlobalPrivacyControl'),
] as const;
