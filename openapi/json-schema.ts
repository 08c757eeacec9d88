import * as z from 'zod';
import { descriptions } from './descriptions.ts';

/** JSON Schema of draft 2020-12, which OpenAPI 3.1 embeds; as much of it as comes up here. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

const referenceTo = (name: string) => `#/components/schemas/${name}`;

/**
 * Named schemas in JSON Schema; where one holds another, it refers to it by name.
 * @param io `input` describes what is sent, `output` what a reader makes of it
 */
export function componentSchemas(named: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output' = 'input'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io, unrepresentable: 'any', uri: referenceTo });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, tidy(schema as JsonSchema)]));
}

const uuidPattern = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';

/** What zod writes, in the words of a reader: formats without the expressions that check them, null as one of the types. */
function tidy(schema: JsonSchema): JsonSchema {
  const { $id: _id, $schema: _schema, propertyNames: _names, anyOf, properties, items, additionalProperties, ...rest } = schema as JsonSchema & Record<'$id' | '$schema' | 'propertyNames', unknown>;
  const [value, none] = anyOf ?? [];
  if (anyOf?.length === 2 && value !== undefined && typeof value.type === 'string' && none?.type === 'null') {
    return tidy({ ...rest, ...value, type: [value.type, 'null'], ...(value.enum !== undefined && { enum: [...value.enum, null] }) });
  }
  const { pattern, format, minimum, maximum, ...others } = rest;
  const isAnyInteger = minimum === Number.MIN_SAFE_INTEGER && maximum === Number.MAX_SAFE_INTEGER;
  return {
    ...others,
    ...(pattern === uuidPattern ? { format: 'uuid' } : format !== undefined ? { format } : pattern !== undefined && { pattern }),
    ...(!isAnyInteger && { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) }),
    ...(anyOf !== undefined && { anyOf: anyOf.map(tidy) }),
    ...(items !== undefined && { items: tidy(items) }),
    ...(properties !== undefined && { properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, described(name, tidy(property))])) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: tidy(additionalProperties) }),
  };
}

function described(name: string, property: JsonSchema): JsonSchema {
  const description = property.description ?? descriptions[name];
  return { ...property, ...(description !== undefined && { description }) };
}
