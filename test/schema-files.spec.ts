import 'reflect-metadata';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readBuildInfo } from '../src/config/build-info.js';
import { eventSchemaDocument } from '../src/event/published-schema.js';
import { ERRORS } from '../src/http/errors.js';
import { type Described, openApiDocument } from '../src/ingestion/openapi/document.js';
import { PathsOptions } from '../src/ingestion/paths.options.js';
import { ROUTES } from '../src/ingestion/routes.js';
import { bodiesOf, type OpenApi, operationsOf, resolved } from './support/openapi.js';

/** With all that can be turned on, under the names that are not configured. */
const COMPLETE: Described = {
  version: readBuildInfo().version,
  publicUrl: undefined,
  paths: new PathsOptions(),
  validate: true,
  signatures: true,
};

/** What no client of the collector ever reads: of the metrics address, and for one that is gone. */
const ELSEWHERE = ['GT_UNAUTHORIZED', 'GT_METRICS_FAILED', 'GT_TOO_MANY_SCRAPES', 'GT_ABORTED'];

const documentOf = (changes: Partial<Described> = {}): OpenApi =>
  openApiDocument({ ...COMPLETE, ...changes }) as unknown as OpenApi;
const document = documentOf();

const textOf = (json: unknown): string => `${JSON.stringify(json, null, 2)}\n`;

/** Every reference of the document. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, member]) =>
    name === '$ref' ? [member as string] : referencesIn(member),
  );
}

describe('the files of schema/', () => {
  it('hold the OpenAPI document of the code (vitest -u writes it)', async () => {
    await expect(textOf(document)).toMatchFileSnapshot('../schema/openapi.json');
  });

  it('hold the schema of the event classes (vitest -u writes it)', async () => {
    await expect(textOf(eventSchemaDocument())).toMatchFileSnapshot('../schema/event.schema.json');
  });
});

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone({ ...document }));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(validator.version).toBe('3.1');
  });

  it('refers to what is there, and has no parts that nothing refers to', () => {
    const references = new Set(referencesIn(document));
    for (const reference of references) {
      expect({ reference, found: resolved(document, { $ref: reference }) }).not.toEqual({
        reference,
        found: undefined,
      });
    }
    const parts = Object.entries(document.components).flatMap(([kind, members]) =>
      kind === 'securitySchemes'
        ? []
        : Object.keys(members).map((name) => `#/components/${kind}/${name}`),
    );
    const unused = parts.filter((part) => !references.has(part));
    // Where no operation is.
    expect(unused).toEqual(['#/components/responses/GT_METHOD_NOT_ALLOWED']);
  });

  it('has every route, method and status of success', () => {
    const described = operationsOf(document).map(({ method, path, operation }) => ({
      line: `${method} ${path}`,
      statuses: Object.keys(operation.responses),
    }));
    for (const { path, methods, status } of ROUTES) {
      const line = `${methods[0]} ${path.replace(':key', '{key}')}`;
      const found = described.find((each) => each.line === line);
      expect({ line, status: found?.statuses[0] }).toEqual({ line, status: String(status) });
    }
    const ids = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it('has every error that the collector answers with', () => {
    const codes = Object.keys(document.components['examples'] ?? {});
    expect([...codes, ...ELSEWHERE].toSorted()).toEqual(Object.keys(ERRORS).toSorted());
    const answered = JSON.stringify(document.components['responses']);
    expect(codes.filter((code) => !answered.includes(`"#/components/examples/${code}"`))).toEqual(
      [],
    );
  });

  it('has examples that fit their schemas', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'openapi');
    const check = (where: string, schema: object | undefined, value: unknown): void => {
      const within = JSON.parse(
        JSON.stringify(schema ?? {}).replaceAll('"#/components', '"openapi#/components'),
      ) as object;
      const validate = ajv.compile(within);
      validate(value);
      expect({ where, value, errors: validate.errors }).toEqual({ where, value, errors: null });
    };
    let count = 0;
    for (const { path, method, operation } of operationsOf(document)) {
      const answers = Object.values(operation.responses).map((each) => resolved(document, each));
      for (const media of [
        ...bodiesOf(document, operation),
        ...answers.flatMap(({ content = {} }) => Object.entries(content)),
      ]) {
        for (const [name, example] of Object.entries(media[1].examples ?? {})) {
          count += 1;
          check(`${method} ${path} ${name}`, media[1].schema, resolved(document, example).value);
        }
      }
    }
    expect(count).toBeGreaterThan(100);
  });

  it('has the paths that a configuration gives, and no others', () => {
    const paths = Object.assign(new PathsOptions(), {
      collectPaths: ['/', '/e'],
      pixelPaths: ['/e'],
      clientPath: '/t/app',
    });
    const renamed = documentOf({
      paths,
      validate: false,
      signatures: false,
      publicUrl: 'https://t.example/x',
    });
    expect(Object.keys(renamed.paths['/e'] ?? {}).toSorted()).toEqual(['get', 'post']);
    expect(renamed.paths['/']?.['post']?.operationId).toBe('collect2');
    const names = Object.keys(renamed.paths);
    expect(names).toContain('/t/app.umd.js');
    expect(names).toContain('/t/app.umd.{hash}.js');
    expect(names.filter((name) => /pixel|hmac|validate/.test(name))).toEqual([]);
    expect(renamed.servers).toEqual([{ url: 'https://t.example/x' }]);
    expect(documentOf().servers).toEqual([{ url: '/' }]);
  });
});
