import fc from 'fast-check';

/** As much of JSON Schema as docs/openapi.json makes use of. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly anyOf?: readonly Schema[];
}

/** What stands for values that a schema cannot know, by the name of the field; undefined where there is none. */
export type Known = (field: string) => fc.Arbitrary<unknown> | undefined;

export interface SchemaValues {
  /** What the schema allows. */
  readonly valid: (schema: Schema, field?: string) => fc.Arbitrary<unknown>;
  /** What differs from that in one place or in several: of another type, out of bounds, missing, or stranger than anybody would expect. */
  readonly broken: (schema: Schema, field?: string) => fc.Arbitrary<unknown>;
}

/** Values by the schemas of a document, in which `$ref` points to `#/components/schemas/…`. */
export function schemaValues(schemas: Readonly<Record<string, Schema>>, known: Known = () => undefined): SchemaValues {
  const resolve = (schema: Schema): Schema => {
    if (schema.$ref === undefined) return schema;
    const found = schemas[schema.$ref.replace('#/components/schemas/', '')];
    if (found === undefined) throw new Error(`The document has no ${schema.$ref}.`);
    return resolve(found);
  };

  function valid(reference: Schema, field = ''): fc.Arbitrary<unknown> {
    const schema = resolve(reference);
    const given = known(field);
    if (given !== undefined) return schema.type !== undefined && schema.type !== 'string' ? fc.oneof(given, fc.constant(null)) : given;
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valid(one, field)));
    const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
    if (types === undefined) return fc.jsonValue();
    return fc.oneof(...types.map((type) => ofType(type, schema)));
  }

  function ofType(type: string, schema: Schema): fc.Arbitrary<unknown> {
    switch (type) {
      case 'null': return fc.constant(null);
      case 'boolean': return fc.boolean();
      case 'integer': return fc.integer({ min: schema.minimum ?? -1e9, max: schema.maximum ?? 1e9 });
      case 'number': return fc.oneof(fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 1), fc.double({ min: schema.minimum ?? -1e15, max: schema.maximum ?? 1e15, noNaN: true }));
      case 'string': return text(schema);
      case 'array': return fc.array(valid(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 5, 5) });
      case 'object': return objectOf(schema, valid);
      default: throw new Error(`The document has the type ${type}, which nobody has made values for.`);
    }
  }

  function objectOf({ properties = {}, required = [], additionalProperties }: Schema, valueOf: SchemaValues['valid']): fc.Arbitrary<object> {
    const fields = fc.record(Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valueOf(schema, name)])), { requiredKeys: [...required] });
    if (additionalProperties === undefined) return fields;
    return fc.tuple(fields, fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })).map(([own, others]) => ({ ...others, ...own }));
  }

  function broken(reference: Schema, field = ''): fc.Arbitrary<unknown> {
    const schema = resolve(reference);
    const { properties, minLength = 0, maxLength = 64, minimum = 0, maximum = 1 } = schema;
    const out: fc.Arbitrary<unknown>[] = [
      strange,
      valid(schema, field),
      fc.constantFrom('x'.repeat(maxLength), 'x'.repeat(maxLength + 1), 'ü'.repeat(maxLength), '\u{1f512}'.repeat(Math.ceil(maxLength / 2)), 'x'.repeat(Math.max(0, minLength - 1))),
      fc.constantFrom(minimum - 1, maximum + 1, maximum * 1.000001),
      fc.array(schema.items === undefined ? strange : broken(schema.items), { maxLength: 5 }),
    ];
    if (properties !== undefined) {
      const mixed = objectOf({ ...schema, required: [] }, (inner, name) => fc.oneof({ weight: 3, arbitrary: valid(inner, name) }, { weight: 1, arbitrary: broken(inner, name) }));
      const more = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'id', 'tenant_id', 'tenantId', 'status', 'agentId')), strange, { maxKeys: 3 });
      return fc.oneof({ weight: 1, arbitrary: strange }, { weight: 6, arbitrary: fc.tuple(mixed, more).map(([own, others]) => ({ ...others, ...own })) });
    }
    return fc.oneof(...out);
  }

  return { valid, broken };
}

const text = ({ format, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> => {
  switch (format) {
    case undefined: {
      const length = { minLength, maxLength: Math.min(maxLength, 64) };
      // Letters above all, so that what is signed, certified and stored is reached more often than a refusal.
      return fc.oneof(fc.string({ ...length, unit: fc.constantFrom(...'abcXYZ019 _.:-äß界') }), fc.string({ ...length, unit: 'binary' }));
    }
    case 'uuid': return fc.uuid();
    case 'date-time': return fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }).map((date) => date.toISOString());
    default: throw new Error(`The document has the format ${format}, which nobody has made values for.`);
  }
};

/** What no field expects. */
const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null, true, 0, -0, -1, 1e308, 5e-324, 2 ** 53, 0.1, '', ' ', '\u0000', '\n', '\ud800', '\u202e', '\ufeff', 'null', '__proto__', '../../..', '%00', '${7*7}', "' OR 1=1 --", '<script>', '0'.repeat(300),
    'NaN', '1e999', '9999-99-99T99:99:99Z', '-000001-01-01T00:00:00Z', '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00.001Z', [], {}, [[]], [null], { toString: 1 }, { length: -1 },
  ),
  fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 100, maxLength: 3000 }), fc.jsonValue(), fc.double(), fc.integer(), fc.uuid(),
);
