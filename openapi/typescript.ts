import type { JsonSchema } from './json-schema.ts';

/** A schema as a type of TypeScript; one that has a name is referred to by it. */
export function typeScriptType(schema: JsonSchema, indent = ''): string {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? 'unknown';
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map((option) => typeScriptType(option, indent)).join(' | ');
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  return types.length === 0 ? 'unknown' : types.map((type) => typeNamed(type, schema, indent)).join(' | ');
}

function typeNamed(type: string, schema: JsonSchema, indent: string): string {
  switch (type) {
    case 'integer': return 'number';
    case 'array': return `readonly ${element(schema.items ?? {}, indent)}[]`;
    case 'object': return objectType(schema, indent);
    default: return type;
  }
}

function element(schema: JsonSchema, indent: string): string {
  const type = typeScriptType(schema, indent);
  return type.includes(' | ') ? `(${type})` : type;
}

function objectType({ properties, required = [], additionalProperties }: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties ?? {}).map(([name, property]) => {
    const comment = property.description === undefined ? '' : `${inner}/** ${property.description} */\n`;
    const isRequired = required.includes(name);
    return `${comment}${inner}readonly ${name}${isRequired ? '' : '?'}: ${typeScriptType(property, inner)}${isRequired ? '' : ' | undefined'};\n`;
  });
  if (properties === undefined) return `Readonly<Record<string, ${typeScriptType(typeof additionalProperties === 'object' ? additionalProperties : {}, inner)}>>`;
  const others = typeof additionalProperties === 'object' ? [`${inner}readonly [name: string]: unknown;\n`] : [];
  return `{\n${[...members, ...others].join('')}${indent}}`;
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value));
