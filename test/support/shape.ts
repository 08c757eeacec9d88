/** The fields of an answer: an object's by their names, a list as the one shape that its elements have; anything else is a `leaf`. */
export type Shape = typeof leaf | readonly [Shape] | { readonly [name: string]: Shape };

export const leaf = 'value';

/** Fields that hold no more than a value or a list of values, by their names with spaces between them. */
export const fields = (names: string): Record<string, Shape> => Object.fromEntries(names.split(/\s+/).filter((name) => name !== '').map((name) => [name, leaf]));

/** What their writers choose the fields of. */
const freeForm: readonly string[] = ['metadata', 'payload'];

/** @throws Error where elements of a list are of several shapes */
export function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) return value.some((element) => typeof element === 'object' && element !== null) ? [shapeOfElements(value)] : leaf;
  if (typeof value !== 'object' || value === null) return leaf;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, freeForm.includes(name) ? leaf : shapeOf(inner)]));
}

function shapeOfElements(elements: readonly unknown[]): Shape {
  const shapes = new Map(elements.map(shapeOf).map((shape) => [JSON.stringify(shape), shape]));
  const [shape, ...others] = shapes.values();
  if (shape === undefined || others.length > 0) throw new Error(`A list whose elements have different fields: ${[...shapes.keys()].join(', ')}`);
  return shape;
}

/** The value at a path such as `halt_receipt.reason` or `data.0.id`; undefined where there is none. */
export const reading = (path: string, from: unknown): unknown => path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | null | undefined)?.[name], from);
