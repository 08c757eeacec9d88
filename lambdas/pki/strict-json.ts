// JSON as RFC 8785 can sign it: I-JSON (RFC 7493). Whatever two readers could take for different values is refused
// rather than read in one of the ways. What is read can be read again in its canonical form.

/** Keys and indices from the outside in. */
export type JsonPath = readonly (string | number)[];

/** Thrown for a text or value that is not such JSON. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  /** Fit to follow "The JSON". */
  readonly problem: string;
  readonly path: JsonPath;
  /** Whether it was JSON so far, only none that can be signed. */
  readonly isJson: boolean;

  constructor(problem: string, path: JsonPath, isJson: boolean) {
    super(path.length === 0 ? `The JSON ${problem}.` : `The JSON ${problem}, at ${JSON.stringify(path)}.`);
    this.problem = problem;
    this.path = [...path];
    this.isJson = isJson;
  }
}

export interface JsonLimits {
  /** Levels of objects and arrays. */
  readonly maximumDepth?: number;
}

/** Where a text is being read. */
interface Cursor {
  readonly text: string;
  readonly maximumDepth: number;
  /** Of the next character. */
  offset: number;
  readonly path: (string | number)[];
}

/** Of what is signed, in levels of objects and arrays. */
export const MAX_DEPTH = 64;
/** No double tells apart what differs after so many. */
const MAX_SIGNIFICANT_DIGITS = 17;
/** From here on the canonical form has an exponent (RFC 8785 §3.2.2.3). */
const LEAST_WITH_EXPONENT = 1e21;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SURROGATE = /\p{Surrogate}/u; // Under `u`, only one that lacks its other half.

/**
 * Parses a JSON text that must be an object. Beyond what RFC 8259 does, it refuses keys that appear twice in an object,
 * too many levels, halves of surrogate pairs, and numbers that no double holds: above its range or below it, of more
 * than 17 significant digits, or integers beyond ±(2^53 − 1) that are written out, or would be in canonical form.
 * @throws JsonProblem
 */
export function parseJsonObject(text: string, { maximumDepth = MAX_DEPTH }: JsonLimits = {}): Record<string, unknown> {
  const cursor: Cursor = { text, maximumDepth, offset: 0, path: [] };
  const value = readValue(cursor);
  skipWhiteSpace(cursor);
  if (cursor.offset < text.length) throw unexpected(cursor);
  return asObject(value);
}

/**
 * Holds a value that was parsed already to the same rules, as far as it can still show a breach of them. What no JSON
 * text stands for (undefined, dates, instances of classes) is refused, too.
 * @throws JsonProblem
 */
export function checkJsonObject(value: unknown): Record<string, unknown> {
  checkValue(value, []);
  return asObject(value);
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notJson('is not an object', []);
  return value as Record<string, unknown>;
}

function readValue(cursor: Cursor): unknown {
  skipWhiteSpace(cursor);
  const first = cursor.text[cursor.offset];
  if (first === '{') return readObject(cursor);
  if (first === '[') return readArray(cursor);
  return first === '"' ? readString(cursor) : readNumberOrLiteral(cursor);
}

function readObject(cursor: Cursor): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const keys = new Set<string>();
  for (const last of elements(cursor, '}')) {
    skipWhiteSpace(cursor);
    if (cursor.text[cursor.offset] !== '"') throw unexpected(cursor);
    const key = readString(cursor);
    cursor.path[last] = key;
    if (keys.has(key)) throw notSignable('has a key twice', cursor.path);
    keys.add(key);
    skipWhiteSpace(cursor);
    if (cursor.text[cursor.offset] !== ':') throw unexpected(cursor);
    cursor.offset++;
    // Assigned, `__proto__` would not become a property.
    Object.defineProperty(object, key, { value: readValue(cursor), writable: true, enumerable: true, configurable: true });
  }
  return object;
}

function readArray(cursor: Cursor): unknown[] {
  const array: unknown[] = [];
  for (const _ of elements(cursor, ']')) array.push(readValue(cursor));
  return array;
}

/** Goes from element to element, each of which the caller reads, and keeps the path; yields where in it the element's key is. */
function* elements(cursor: Cursor, close: '}' | ']'): Generator<number, void, undefined> {
  if (cursor.path.length >= cursor.maximumDepth) throw tooDeep(cursor.maximumDepth, cursor.path);
  cursor.offset++;
  skipWhiteSpace(cursor);
  if (cursor.text[cursor.offset] === close) {
    cursor.offset++;
    return;
  }
  for (let index = 0; ; index++) {
    const last = cursor.path.push(index) - 1;
    yield last;
    skipWhiteSpace(cursor);
    const separator = cursor.text[cursor.offset];
    if (separator !== ',' && separator !== close) throw unexpected(cursor);
    cursor.offset++;
    cursor.path.pop();
    if (separator === close) return;
  }
}

function readString(cursor: Cursor): string {
  const { text, offset } = cursor;
  let end = offset + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  if (end >= text.length) throw notJson('ends inside a string', cursor.path);
  cursor.offset = end + 1;
  const value = parsed(text.slice(offset, end + 1));
  if (value === undefined) throw notJson('has a malformed string', cursor.path);
  return wellFormed(value, cursor.path);
}

/** Escapes and control characters are JSON.parse's business. */
function parsed(string: string): string | undefined {
  try {
    return JSON.parse(string) as string;
  } catch {
    return undefined;
  }
}

function readNumberOrLiteral(cursor: Cursor): number | boolean | null {
  NUMBER.lastIndex = cursor.offset;
  const [number] = NUMBER.exec(cursor.text) ?? [];
  if (number !== undefined) {
    cursor.offset += number.length;
    return doubleOf(number, cursor.path);
  }
  const literal = ['true', 'false', 'null'].find((word) => cursor.text.startsWith(word, cursor.offset));
  if (literal === undefined) throw unexpected(cursor);
  cursor.offset += literal.length;
  return literal === 'null' ? null : literal === 'true';
}

function doubleOf(number: string, path: JsonPath): number {
  const value = Number(number);
  const [mantissa = ''] = number.split(/[eE]/);
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
  const isOutOfRange = !Number.isFinite(value) || (value === 0 && digits !== '');
  const isImprecise = digits.length > MAX_SIGNIFICANT_DIGITS || (/^-?[0-9]+$/.test(number) && !Number.isSafeInteger(value));
  if (isOutOfRange || isImprecise) throw unheldNumber(path);
  return checkedNumber(value, path);
}

/** Where integers are exact, as in many a language, such a one would be another than here. */
function checkedNumber(value: number, path: JsonPath): number {
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < LEAST_WITH_EXPONENT) throw unheldNumber(path);
  return value;
}

function skipWhiteSpace(cursor: Cursor): void {
  while (' \t\n\r'.includes(cursor.text[cursor.offset] ?? 'end')) cursor.offset++;
}

function unexpected({ text, offset, path }: Cursor): JsonProblem {
  const [character] = text.slice(offset, offset + 2);
  return notJson(character === undefined ? 'ends too early' : `has ${JSON.stringify(character)} where none may be`, path);
}

function wellFormed(text: string, path: JsonPath): string {
  if (SURROGATE.test(text)) throw notSignable('has half a surrogate pair in a string', path);
  return text;
}

function checkValue(value: unknown, path: (string | number)[]): void {
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'number' && Number.isFinite(value)) checkedNumber(value, path);
  else if (typeof value === 'string') wellFormed(value, path);
  else if (typeof value === 'object' && (Array.isArray(value) || isPlainObject(value))) checkElements(value, path);
  else throw notJson('has a value that JSON has no form for', path);
}

function checkElements(container: object, path: (string | number)[]): void {
  if (path.length >= MAX_DEPTH) throw tooDeep(MAX_DEPTH, path);
  // An array's holes are no entries; they are met as undefined.
  const entries: Iterable<[string | number, unknown]> = Array.isArray(container) ? container.entries() : Object.entries(container);
  for (const [key, value] of entries) {
    path.push(key);
    if (typeof key === 'string') wellFormed(key, path);
    checkValue(value, path);
    path.pop();
  }
}

/** An object whose prototype is null or the last of a chain, which Object.prototype is in every realm. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function notJson(problem: string, path: JsonPath): JsonProblem {
  return new JsonProblem(problem, path, false);
}

function notSignable(problem: string, path: JsonPath): JsonProblem {
  return new JsonProblem(problem, path, true);
}

function unheldNumber(path: JsonPath): JsonProblem {
  return notSignable('has a number that no double holds; make it a string', path);
}

function tooDeep(maximumDepth: number, path: JsonPath): JsonProblem {
  return notSignable(`is nested deeper than ${maximumDepth} levels`, path);
}
