import type { Pattern, WireCall } from './faults.ts';

/* The requests this service makes of DynamoDB and KMS, by what they are for. */

type Input = WireCall['input'];

const updates = (expression: string) => (input: Input) => String(input['UpdateExpression']).startsWith(expression);
const keyStarts = (prefix: string) => (input: Input) => String(input['Key']?.pk?.S).startsWith(prefix);

export const requests = {
  findApiKey: { operation: 'GetItem', where: keyStarts('KEY#') },
  readAgent: { operation: 'GetItem', where: keyStarts('AGENT#') },
  readCertificate: { operation: 'GetItem', where: keyStarts('CERT#') },
  readAuthority: { operation: 'GetItem', where: keyStarts('CA#') },
  reserve: { operation: 'UpdateItem', where: updates('SET lease = :lease') },
  createKey: { operation: 'CreateKey' },
  getPublicKey: { operation: 'GetPublicKey' },
  createGrant: { operation: 'CreateGrant' },
  noteLeaseKey: { operation: 'UpdateItem', where: updates('SET lease.keyArn') },
  sign: { operation: 'Sign' },
  transaction: { operation: 'TransactWriteItems' },
  releaseLease: { operation: 'UpdateItem', where: (input) => updates('SET lease = :released')(input) || (updates('REMOVE lease')(input) && !isForget(input)) },
  forgetLease: { operation: 'UpdateItem', where: (input) => updates('REMOVE lease')(input) && isForget(input) },
  keepHaltReceipt: { operation: 'UpdateItem', where: updates('SET haltReceiptSignature') },
  scheduleKeyDeletion: { operation: 'ScheduleKeyDeletion' },
  noteRiskScore: { operation: 'UpdateItem', where: updates('SET riskScore') },
  putRiskRecord: { operation: 'PutItem' },
} as const satisfies Record<string, Pattern>;

function isForget(input: Input): boolean {
  return String(input['ExpressionAttributeValues']?.[':leaseId']?.S).startsWith('released:');
}

/** What a request was for, by the names of `requests`. */
export function purposeOf({ operation, input }: WireCall): string {
  const found = Object.entries(requests as Record<string, Pattern>).find(([, pattern]) => pattern.operation === operation && pattern.where?.(input) !== false);
  return found?.[0] ?? operation;
}

/**
 * Whether a request is not of the API's doing but of the functions that see to what follows from a change: a key's deletion, audit
 * chains, the webhooks that want to know, what is noted of CRLs and keys.
 */
export function isOfConsumers({ operation, text }: Pick<WireCall, 'operation' | 'text'>): boolean {
  if (['ScheduleKeyDeletion', 'BatchWriteItem', 'Query'].includes(operation) || /\b(CHAIN|CHAINED|DELIVERY)#/.test(text)) return true;
  return operation !== 'TransactWriteItems' && /\b(EFFECT|CRL)#/.test(text);
}
