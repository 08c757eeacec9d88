/*
 * What one operation uses of AWS, with everything that follows from it: the audit trail's chain, CRLs, the key's deletion. Measured
 * by `npm run bench -- usage`; test/bin/cost-usage.test.ts measures it again.
 */

/** What AWS bills for. */
export interface Usage {
  /** Of DynamoDB: 4 KB read with strong consistency. */
  readonly readUnits: number;
  /** Of DynamoDB: 1 KB written, to a table or an index; in a transaction it counts twice. */
  readonly writeUnits: number;
  /** With RSA_2048 and symmetric keys: agents', the OCSP responder's, the attestation's. */
  readonly kmsRequests: number;
  /** With the CA's own keys, RSA_3072 and RSA_4096, which cost five times as much. */
  readonly kmsRequestsLongRsa: number;
  /** PUT and LIST. */
  readonly s3Writes: number;
  readonly s3Reads: number;
  readonly sqsRequests: number;
  /** Published on the deployment's own EventBridge bus. */
  readonly busEvents: number;
  /** By which the tables grow. */
  readonly storedBytes: number;
}

export const operations = {
  register: 'registering an agent',
  certify: 'certifying an agent',
  renew: 'renewing a certificate',
  revoke: 'revoking a certificate',
  sign: 'signing a message with an agent\'s key',
  verify: 'verifying a certificate by its serial number',
  verifyMessage: 'verifying a message',
  ocsp: 'an OCSP answer that CloudFront does not have',
  event: 'an event with a harmless score',
} as const;

export type Operation = keyof typeof operations;

/** Of an agent and a certificate of usual size, with 16 CRL shards; each by itself, without what may be shared with others. */
export const usageOf: Readonly<Record<Operation, Usage>> = {
  register: { readUnits: 3, writeUnits: 12, kmsRequests: 0, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 1, storedBytes: 1927 },
  certify: { readUnits: 3, writeUnits: 30, kmsRequests: 2, kmsRequestsLongRsa: 1, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 1, storedBytes: 6934 },
  renew: { readUnits: 23, writeUnits: 58, kmsRequests: 3, kmsRequestsLongRsa: 3, s3Writes: 3, s3Reads: 3, sqsRequests: 1, busEvents: 2, storedBytes: 7221 },
  revoke: { readUnits: 23, writeUnits: 41, kmsRequests: 1, kmsRequestsLongRsa: 2, s3Writes: 3, s3Reads: 3, sqsRequests: 1, busEvents: 2, storedBytes: 1496 },
  sign: { readUnits: 3, writeUnits: 17, kmsRequests: 1, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0, storedBytes: 1348 },
  verify: { readUnits: 1, writeUnits: 0, kmsRequests: 0, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0, storedBytes: 0 },
  verifyMessage: { readUnits: 1, writeUnits: 0, kmsRequests: 0, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0, storedBytes: 0 },
  ocsp: { readUnits: 1, writeUnits: 0, kmsRequests: 1, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0, storedBytes: 0 },
  event: { readUnits: 1, writeUnits: 5, kmsRequests: 0, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0, storedBytes: 607 },
};
