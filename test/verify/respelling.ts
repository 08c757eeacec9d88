/**
 * Writes a JSON value in another spelling: keys in another order, white space, escapes, numbers with exponents. What it
 * stands for stays the same.
 * @param choices an endless supply of numbers that decides
 */
export function respelt(value: unknown, choices: Iterator<number>): string {
  const choose = (count: number): number => Number(choices.next().value) % count;
  const space = (): string => ['', '', ' ', '\n', '\t', '\r\n  '][choose(6)] ?? '';
  const string = (text: string): string => `"${Array.from(text, (character) => spelt(character, choose(3))).join('')}"`;
  const write = (inner: unknown): string => {
    if (typeof inner === 'string') return string(inner);
    if (typeof inner === 'number') return number(inner, choose(3));
    if (Array.isArray(inner)) return `[${space()}${inner.map((element) => `${space()}${write(element)}${space()}`).join(',')}]`;
    if (typeof inner !== 'object' || inner === null) return String(inner);
    const members = Object.entries(inner).map(([key, member]) => `${space()}${string(key)}${space()}:${space()}${write(member)}${space()}`);
    return `{${space()}${rotated(members, choose(members.length + 1)).join(',')}}`;
  };
  return `${space()}${write(value)}${space()}`;
}

/** A character of one or two UTF-16 code units: as it is where that may be, or escaped. A slash may be, capital digits are as good. */
function spelt(character: string, choice: number): string {
  const escaped = Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
  if (choice === 0) return escaped;
  const plain = JSON.stringify(character).slice(1, -1);
  if (choice === 1 && plain === '/') return '\\/';
  return choice === 1 && plain.startsWith('\\') ? escaped.toUpperCase().replaceAll('U', 'u') : plain;
}

/** An integer beyond 2^53 has to be written with an exponent. */
function number(value: number, choice: number): string {
  if (Object.is(value, -0)) return ['0', '-0', '-0.0e5'][choice] ?? '0';
  if (choice === 0 || (Number.isInteger(value) && !Number.isSafeInteger(value))) return value.toExponential();
  return choice === 1 && Number.isInteger(value) ? `${value}.0` : JSON.stringify(value);
}

function rotated<Element>(elements: readonly Element[], by: number): readonly Element[] {
  const moved = [...elements.slice(by), ...elements.slice(0, by)];
  return by % 2 === 0 ? moved : moved.reverse();
}
