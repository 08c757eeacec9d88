/** What is known of a request: a key that is not there is no key, and one with several values has them all. */
export type Context = Readonly<Record<string, string | readonly string[] | undefined>>;

/** IAM's wildcards: `*` is any text, `?` one character. Policy variables are not resolved. */
export function matches(pattern: string, value: string): boolean {
  if (pattern.includes('${')) throw new Error(`It is not known here what ${pattern} stands for.`);
  const expression = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(value);
}

/** How one value of the request is compared with one of the policy. */
const comparisons: Readonly<Record<string, (value: string, tested: string) => boolean>> = {
  StringEquals: (value, tested) => value === tested,
  StringLike: (value, tested) => matches(tested, value),
  // AWS treats the two alike, and neither lets a wildcard cross a colon.
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
  Bool: (value, tested) => value.toLowerCase() === tested.toLowerCase(),
  NumericLessThan: (value, tested) => Number(value) < Number(tested),
};

const negated: Readonly<Record<string, string>> = { StringNotEquals: 'StringEquals', StringNotLike: 'StringLike', ArnNotEquals: 'ArnEquals', ArnNotLike: 'ArnLike' };

/**
 * Whether a condition holds for a request whose key has `actual`. Throws for an operator that is not known here.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function holds(operator: string, actual: Context[string], tested: readonly string[]): boolean {
  if (operator === 'Null') return (actual === undefined) === (tested[0]?.toLowerCase() === 'true');
  const [, quantifier, name = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  const compare = comparisons[negated[name] ?? name];
  if (compare === undefined) throw new Error(`It is not known here what ${operator} means in a condition.`);
  const isNegated = name in negated;
  const holdsFor = (value: string) => tested.some((one) => compare(value, String(one))) !== isNegated;
  // Of nothing everything is true, and nothing is there.
  if (quantifier === 'ForAllValues') return [actual ?? []].flat().every(holdsFor);
  if (quantifier === 'ForAnyValue') return [actual ?? []].flat().some(holdsFor);
  if (actual === undefined) return ifExists !== undefined || isNegated;
  if (typeof actual !== 'string') throw new Error(`A key with several values takes ForAllValues or ForAnyValue before ${operator}.`);
  return holdsFor(actual);
}

/** Each of the six parts of an ARN by itself; the last may have colons in it. */
function matchesArn(value: string, pattern: string): boolean {
  const parts = (arn: string) => [...arn.split(':').slice(0, 5), arn.split(':').slice(5).join(':')];
  const [patterns, values] = [parts(pattern), parts(value)];
  return patterns.every((part, index) => matches(part, values[index] ?? ''));
}
