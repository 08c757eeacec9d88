import { JsonProblem, MAX_DEPTH, parseJsonObject, type JsonPath } from '../pki/strict-json.ts';
import { BadRequest } from './problem.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What is signed stands one level down in its request. */
const maximumDepth = MAX_DEPTH + 1;

/**
 * Reads a request body as a JSON object that can be signed as RFC 8785 has it: one that nobody can read in two ways. An
 * empty body is `{}`.
 * @throws BadRequest 400: INVALID_JSON where it is not UTF-8, not JSON, or not an object; VALIDATION_FAILED, with the
 *   path, for a key that appears twice, more levels than can be signed, half a surrogate pair, a number that no double
 *   holds, or a key `__proto__`
 */
export function parseStrictJsonObject(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const text = decoded(bytes);
  try {
    const object = parseJsonObject(text, { maximumDepth });
    const path = pathOfPrototypeKey(object, []);
    if (path !== undefined) throw new JsonProblem('has a key that is not allowed; rename it', path, true);
    return object;
  } catch (error) {
    if (error instanceof JsonProblem) throw refusal(error);
    throw error;
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new BadRequest(400, 'INVALID_JSON', 'The body is not in UTF-8. Encode it as UTF-8 and send it again.');
  }
}

function refusal({ problem, path, isJson }: JsonProblem): BadRequest {
  const where = path.join('.');
  if (isJson) return new BadRequest(400, 'VALIDATION_FAILED', `The body ${problem}: ${where}. Correct it and send it again.`, [{ path: where, message: problem }]);
  return new BadRequest(400, 'INVALID_JSON', `The body cannot be read: its JSON ${problem}${where === '' ? '' : `, at ${where}`}. Check it with a JSON validator and send it again.`);
}

/** As refused in every other body (json-body.ts). */
function pathOfPrototypeKey(value: unknown, path: JsonPath): JsonPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = key === '__proto__' ? [...path, key] : pathOfPrototypeKey(inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
