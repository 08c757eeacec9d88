import fc from 'fast-check';

/**
 * Any JSON object that can be signed, as parsed: without integers whose canonical form is one that no double holds for
 * sure. (Generated objects are no deeper than what can be signed.)
 */
export const signableObjects = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }))
  .map((object) => JSON.parse(JSON.stringify(object), (_, value: unknown) => (isBeyond(value) ? Math.sign(value) : value)) as Record<string, unknown>);

function isBeyond(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
}
