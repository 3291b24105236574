/** How a visitor came, and from where: what `server.channel` says of a host that is known. */
export interface Referrer {
  readonly name: 'assistant' | 'email' | 'paid' | 'referral' | 'search' | 'social';
  readonly source: string;
}
