/** Sends an event through the client. */
export type Say = (type: string, props: Record<string, unknown>) => void;
