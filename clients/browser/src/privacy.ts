/**
 * Whether the visitor asks not to be followed: Do Not Track, or Global Privacy Control. The browser tells the server,
 * which decides what it keeps; the client keeps no identifier for such a visitor and sends none.
 */
export function asksForPrivacy(): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & {
    doNotTrack?: string | null;
    globalPrivacyControl?: boolean;
  };
  return doNotTrack === '1' || !!globalPrivacyControl;
}
