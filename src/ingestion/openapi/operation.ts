import type { JsonSchema } from '../../event/published-schema.js';
import type { ErrorGroup } from './error-groups.js';

export interface Example {
  readonly summary: string;
  readonly value: unknown;
}

/** What a body of one content type looks like. */
export interface Media {
  readonly schema?: JsonSchema;
  readonly examples?: Readonly<Record<string, Example | Reference>>;
}

// An interface would have no index signature, and fit no `JsonSchema`.
export type Reference = { readonly $ref: string };

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: true;
  readonly example?: unknown;
  readonly style?: 'form';
  readonly explode?: true;
}

export interface Header {
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: true;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Readonly<Record<string, Media>>;
}

/** What the document says of a route, beside its paths, its method and the status of its success. */
export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly (Parameter | Reference)[];
  /** By content type. */
  readonly bodies?: Readonly<Record<string, Media>>;
  readonly success: Answer;
  /** By status: what is neither the success nor an error. */
  readonly others?: Readonly<Record<number, Answer>>;
  readonly errors: ErrorGroup;
  /** Ways to say who sends, each enough by itself. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

export const schemaRef = (name: string): Reference => ({ $ref: `#/components/schemas/${name}` });
