/** Ways to say who sends. */
export const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key of `INGEST_API_KEYS`.' },
  basic: { type: 'http', scheme: 'basic', description: 'The key as the user, without a password.' },
  gtKey: {
    type: 'apiKey',
    in: 'query',
    name: 'gt_key',
    description: 'The key, for beacons and pixels.',
  },
  writeKeyHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Write-Key',
    description: 'The key, up to the first colon.',
  },
  writeKeyQuery: { type: 'apiKey', in: 'query', name: 'writeKey', description: 'The key.' },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-GoTrack-HMAC',
    description:
      'hex(HMAC-SHA256(key of this client, body as it is sent)); `/hmac/public-key` answers with the key.',
  },
  signatureQuery: {
    type: 'apiKey',
    in: 'query',
    name: 'gt_hmac',
    description: 'The signature, for beacons.',
  },
} as const;

type Scheme = keyof typeof SECURITY_SCHEMES;

/** None, unless the collector requires one of the others. */
function oneOf(...schemes: Scheme[]) {
  return [{}, ...schemes.map((scheme) => ({ [scheme]: [] }))];
}

export const BY_KEY = oneOf('bearer', 'basic', 'gtKey');
export const BY_KEY_OR_SIGNATURE = [...BY_KEY, { signature: [] }, { signatureQuery: [] }];
export const BY_WRITE_KEY = [...BY_KEY, { writeKeyHeader: [] }, { writeKeyQuery: [] }];
