import type { WireCall } from '../faults.ts';
import type { Input } from '../faults-wire.ts';

/** A call to AWS as it stands in the matrix: what it does and to what kind of thing, whatever the ids in it. */
export interface MatrixCall {
  /** `DynamoDB UpdateItem AGENT, SET lease`. */
  readonly name: string;
  /** 0 for the first of that name within an invocation. */
  readonly occurrence: number;
}

export const titleOf = ({ name, occurrence }: MatrixCall) => (occurrence === 0 ? name : `${name} (${occurrence + 1})`);

/** The calls that were made, in their order, what the SDK repeats once; of one name no more than `most`. */
export function callsAmong(wireCalls: readonly WireCall[], most: number): MatrixCall[] {
  const attempts = new Set<string | undefined>();
  const counts = new Map<string, number>();
  return [...wireCalls].sort((a, b) => a.startedAt - b.startedAt).flatMap((call) => {
    if (attempts.has(call.attemptOf)) return [];
    attempts.add(call.attemptOf);
    const name = nameOf(call);
    const occurrence = counts.get(name) ?? 0;
    counts.set(name, occurrence + 1);
    return occurrence < most ? [{ name, occurrence }] : [];
  });
}

export function nameOf({ operation, input }: Pick<WireCall, 'operation' | 'input'>): string {
  if (input['Bucket'] !== undefined) return `S3 ${operation} ${withoutIds(String(input['Key']))}`;
  if (input['QueueUrl'] !== undefined) return `SQS ${operation} ${String(input['QueueUrl']).split('/').at(-1)}`;
  if (input['Entries'] !== undefined) return `EventBridge ${operation}`;
  if (input['TableName'] === undefined && input['RequestItems'] === undefined && input['TransactItems'] === undefined) return `KMS ${operation}`;
  return `DynamoDB ${operation} ${thingsOf(input)}`;
}

function thingsOf(input: Input): string {
  const { TransactItems, RequestItems, Key, Item, UpdateExpression, ExpressionAttributeValues, IndexName } = input;
  if (TransactItems !== undefined) return [...new Set((TransactItems as Input[]).map((action) => Object.values(action).map((one) => thingsOf(one as Input)).join()))].join(' + ');
  if (RequestItems !== undefined) return [...new Set(Object.values(RequestItems as Input).flatMap((requests) => (Array.isArray(requests) ? requests.map(({ PutRequest }) => kindOf(PutRequest.Item)) : (requests as Input)['Keys'].map(kindOf))))].join(' + ');
  if (Item !== undefined) return kindOf(Item as Input);
  if (UpdateExpression !== undefined) return `${kindOf(Key as Input)}, ${/^\w+ [\w.#:]+/.exec(UpdateExpression as string)?.[0] ?? ''}`;
  if (Key !== undefined) return kindOf(Key as Input);
  const values = Object.values((ExpressionAttributeValues ?? {}) as Record<string, { S?: string }>).map(({ S = '' }) => S);
  const partition = values.find((value) => /^[A-Z]+(#|$)/.test(value)) ?? values.find((value) => /#[A-Z]+/.test(value)) ?? '';
  return `${IndexName === undefined ? '' : `${IndexName} `}${/[A-Z]{2,}/.exec(partition)?.[0] ?? 'risk records'}`;
}

/** By the first part of the partition's key, and for the risk table of the sort key's. */
function kindOf({ pk, sk, record_id }: Input): string {
  if (pk?.S !== undefined) return /^(EFFECT|EXPORT)#/.test(pk.S as string) ? `${String(pk.S).split('#')[0]} ${withoutIds(String(sk?.S).split('#')[0] ?? '')}` : (String(pk.S).split('#')[0] ?? '');
  const [first = ''] = String(record_id?.S).split('#');
  return /^\d/.test(first) ? 'risk record' : `risk ${first}`;
}

const withoutIds = (text: string) => text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>').replace(/\d+/g, 'n');
