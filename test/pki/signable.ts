import fc from 'fast-check';

/** Any JSON value that can be signed, as parsed: without integers that would be written out where no double tells them from others. */
export const signableValues = fc.jsonValue({ stringUnit: 'binary' }).map(asSignable);

/** Any such object. */
export const signableObjects = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })).map((object) => asSignable(object) as Record<string, unknown>);

function asSignable(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) => (isBeyond(value) ? Math.sign(value) : value));
}

function isBeyond(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
}
