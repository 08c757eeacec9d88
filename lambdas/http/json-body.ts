import { BadRequest } from './problem.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a request body as a JSON object; an empty body is `{}`.
 * @throws BadRequest 400 where it is not UTF-8, not JSON, not an object, or names a key `__proto__`.
 */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  const value = bytes.length === 0 ? {} : parseJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest(400, 'INVALID_JSON', 'The body must be a JSON object, such as {"name": "…"}.');
  }
  return value as Record<string, unknown>;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes), refusePrototypeKey);
  } catch (error) {
    if (error instanceof BadRequest) throw error;
    // JSON.parse runs out of stack some thousand levels down.
    if (error instanceof RangeError) throw new BadRequest(400, 'INVALID_JSON', 'The body is nested too deeply to be read. Send a flatter one.');
    throw new BadRequest(400, 'INVALID_JSON', 'The body is not valid JSON in UTF-8. Check it with a JSON validator and send it again.');
  }
}

// JSON.parse makes it an ordinary property, but the first careless copy of the object would make it a prototype.
function refusePrototypeKey(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new BadRequest(400, 'VALIDATION_FAILED', 'The key __proto__ is not allowed. Rename it.', [{ path: '__proto__', message: 'is not allowed as a key' }]);
  return value;
}
