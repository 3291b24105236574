/** As much of an OpenAPI document as the tests read. */
export interface OpenApi {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [field: string]: unknown;
}

export interface Referring {
  readonly $ref: string;
}

export interface Media {
  readonly schema?: object;
  readonly examples?: Readonly<Record<string, { readonly value: unknown } | Referring>>;
}

export interface DescribedParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: { readonly enum?: readonly string[] };
  /** The members of an object are parameters themselves. */
  readonly example?: string | Readonly<Record<string, string>>;
}

export interface DescribedAnswer {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly parameters?: readonly (DescribedParameter | Referring)[];
  readonly requestBody?: Referring;
  readonly responses: Readonly<Record<string, DescribedAnswer | Referring>>;
}

/** What stands where it refers to. */
export function resolved<T extends object>(document: OpenApi, value: T | Referring): T {
  if (!('$ref' in value)) {
    return value;
  }
  const [, ...steps] = value.$ref.split('/');
  return steps.reduce<unknown>(
    (part, step) => (part as Record<string, unknown> | undefined)?.[step],
    document,
  ) as T;
}

export interface PlacedOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: DescribedOperation;
}

export function operationsOf(document: OpenApi): PlacedOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
    })),
  );
}

/** The forms of the body of a request, by content type. */
export function bodiesOf(
  document: OpenApi,
  { requestBody }: DescribedOperation,
): [string, Media][] {
  return requestBody === undefined
    ? []
    : Object.entries(resolved<{ content: Record<string, Media> }>(document, requestBody).content);
}

export function parametersOf(
  document: OpenApi,
  operation: DescribedOperation,
): DescribedParameter[] {
  return (operation.parameters ?? []).map((each) => resolved<DescribedParameter>(document, each));
}
