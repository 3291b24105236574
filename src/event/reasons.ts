/** Why an event is invalid. */
export const REJECTION_REASONS = [
  'malformed',
  'not_an_object',
  'schema',
  'too_large',
  'too_deep',
  'too_many_fields',
  'type_too_long',
  'event_schema',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** Why a valid event could not be taken. */
export const REFUSAL_REASONS = [
  'queue_full',
  'disk',
  'draining',
  'queue_away',
  'queue_refused',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Why a request was turned away before its events were parsed. */
export const DENIAL_REASONS = ['busy', 'origin', 'rate_limit', 'key', 'signature'] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];

/** Why the operator does not want a valid event. */
export const DROP_REASONS = ['privacy_signal', 'bot'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What sent an event. `suspect`: a browser, whose headers say that it is not the one that it claims to be. */
export const BOT_VERDICTS = ['human', 'bot', 'suspect'] as const;
export type BotVerdict = (typeof BOT_VERDICTS)[number];

/** Why an accepted event is among the dead letters of a sink. */
export const DEAD_LETTER_REASONS = ['rejected'] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** Why a write to a sink failed. A type that is none of these is counted as `other`. */
export const SINK_ERROR_TYPES = [
  'timeout',
  'connection',
  'auth',
  'throttled',
  'rejected',
  'disk',
  'other',
] as const;
export type SinkErrorType = (typeof SINK_ERROR_TYPES)[number];
