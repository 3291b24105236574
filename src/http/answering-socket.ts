import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Node keeps the response that is under way at its socket, and documents no other place to find it. */
export type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null };
