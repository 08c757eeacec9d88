import { ServiceError } from '../aws-json/errors.ts';

// The namespaces of what SQS models itself, and of what its framework adds.
const sqs = 'com.amazonaws.sqs';
const coral = 'com.amazon.coral.service';

/**
 * The errors this SQS answers with: namespace, the code they had in the query protocol, which clients go on comparing with, HTTP status.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html and the "Errors" section of each operation.
 */
const errors = {
  BatchEntryIdsNotDistinct: [sqs, 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct', 400],
  BatchRequestTooLong: [sqs, 'AWS.SimpleQueueService.BatchRequestTooLong', 400],
  EmptyBatchRequest: [sqs, 'AWS.SimpleQueueService.EmptyBatchRequest', 400],
  InvalidAddress: [sqs, 'InvalidAddress', 404],
  InvalidAttributeName: [sqs, 'InvalidAttributeName', 400],
  InvalidBatchEntryId: [sqs, 'AWS.SimpleQueueService.InvalidBatchEntryId', 400],
  InvalidMessageContents: [sqs, 'InvalidMessageContents', 400],
  InvalidParameterValueException: [coral, 'InvalidParameterValue', 400],
  MissingRequiredParameterException: [coral, 'MissingParameter', 400],
  PurgeQueueInProgress: [sqs, 'AWS.SimpleQueueService.PurgeQueueInProgress', 403],
  QueueDoesNotExist: [sqs, 'AWS.SimpleQueueService.NonExistentQueue', 400],
  ReceiptHandleIsInvalid: [sqs, 'ReceiptHandleIsInvalid', 404],
  TooManyEntriesInBatchRequest: [sqs, 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest', 400],
  UnsupportedOperation: [sqs, 'AWS.SimpleQueueService.UnsupportedOperation', 400],
} as const;

export type SqsErrorName = keyof typeof errors;

export class SqsError extends ServiceError {
  readonly code: string;

  constructor(name: SqsErrorName, message: string) {
    const [namespace, code, status] = errors[name];
    super(`${namespace}#${name}`, status, message);
    this.code = code;
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html */
export function errorHeaders(error: ServiceError): Record<string, string> {
  const code = error instanceof SqsError ? error.code : error.type.replace(/Exception$/, '');
  return { 'x-amzn-query-error': `${code};${error.status < 500 ? 'Sender' : 'Receiver'}` };
}
