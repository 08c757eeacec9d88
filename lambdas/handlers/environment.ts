import { existsSync } from 'node:fs';
import * as z from 'zod';
import { DEFAULT_PRIVATE_ARC, validateProfileSettings, type ProfileSettings } from '../pki/profile.ts';

/*
 * The environment of the Lambdas, as lib/environment.ts and local/environment.ts set it. Nothing below the handlers reads it.
 * Region, credentials and endpoints are not here: the AWS SDK reads those by itself.
 */

const issuingGenerations = z.tuple([z.int().min(1)], z.int().min(1)).refine((numbers) => new Set(numbers).size === numbers.length, 'Whole numbers from 1, each once, separated by commas');

const variables = {
  registryTable: ['REGISTRY_TABLE', z.string().min(3)],
  riskTable: ['RISK_TABLE', z.string().min(3)],
  deployment: ['DEPLOYMENT', z.string().min(1)],
  riskThreshold: ['RISK_THRESHOLD', z.coerce.number().gt(0).max(1)],
  organization: ['CA_ORGANIZATION', z.string().min(1)],
  country: ['CA_COUNTRY', z.string().length(2).optional()],
  rootKeyArn: ['ROOT_KEY_ID', z.string().min(1)],
  // Of the issuing CA, the one that issues first (docs/ca-rotation.md).
  issuingGenerations: ['ISSUING_GENERATIONS', z.string().transform((numbers) => numbers.split(',').map(Number)).pipe(issuingGenerations).default([1])],
  // In the same order.
  issuingKeyArns: ['ISSUING_KEY_IDS', z.string().transform((arns) => arns.split(','))],
  ocspKeyArn: ['OCSP_KEY_ID', z.string().min(1)],
  attestationKeyArn: ['ATTESTATION_KEY_ID', z.string().min(1)],
  distributionUrl: ['DISTRIBUTION_URL', z.string().min(1)],
  distributionBucket: ['DISTRIBUTION_BUCKET', z.string().min(3)],
  auditBucket: ['AUDIT_BUCKET', z.string().min(3)],
  keyDeletionDays: ['KEY_DELETION_DAYS', z.coerce.number().int().min(7).max(30).default(30)],
  // KMS takes 15 a second, and two of the function may be under way (lambdas/triggers.ts).
  keyRetirementsPerSecond: ['KEY_RETIREMENTS_PER_SECOND', z.coerce.number().gt(0).max(1000).default(7.5)],
  retirementQueueUrl: ['RETIREMENT_QUEUE_URL', z.url()],
  eventBusName: ['EVENT_BUS_NAME', z.string().min(1)],
  keyRetirerRoleArn: ['KEY_RETIRER_ROLE_ARN', z.string().optional()],
  messageSignerRoleArn: ['MESSAGE_SIGNER_ROLE_ARN', z.string().optional()],
  crlShardCount: ['CRL_SHARDS', z.coerce.number().int().min(1).max(1024).default(16)],
  granteeAccounts: ['GRANTEE_ACCOUNTS', z.string().regex(/^\d{12}(,\d{12})*$/, 'Account ids of 12 digits, separated by commas').transform((ids) => ids.split(',')).default([])],
  certifierRoleArn: ['CERTIFIER_ROLE_ARN', z.string().optional()],
  webhookKeyArn: ['WEBHOOK_KEY_ID', z.string().min(1)],
  deliveryQueueUrl: ['DELIVERY_QUEUE_URL', z.url()],
  exhaustedDeliveryQueueUrl: ['EXHAUSTED_DELIVERY_QUEUE_URL', z.url()],
  // For receivers on this machine and certificates of their own, which tests have: a deployment sets neither.
  webhookAllowedNetworks: ['WEBHOOK_ALLOWED_NETWORKS', z.string().transform((networks) => networks.split(',')).pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], 'Networks in CIDR notation, separated by commas'))).default([])],
  webhookTrustAnchorFile: ['WEBHOOK_CA_FILE', z.string().refine(existsSync, 'There is no such file').optional()],
  accountId: ['ACCOUNT_ID', z.string().optional()],
} as const;

type Variables = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name][1]> };

/**
 * Reads one variable of the environment.
 * @throws Error that names the variable, where it is missing or not as it should be: a fault of the deployment.
 */
export function environment<Name extends keyof Variables>(name: Name): Variables[Name] {
  const [variable, schema] = variables[name];
  // An unset option of the deployment may arrive as an empty string.
  const result = schema.safeParse(process.env[variable] === '' ? undefined : process.env[variable]);
  if (!result.success) throw new Error(`The environment variable ${variable} is missing or wrong: ${result.error.issues[0]?.message ?? ''}`);
  return result.data as Variables[Name];
}

/** The certificate profile's settings. */
export function profileSettings(): ProfileSettings {
  const { PRIVATE_ARC, POLICY_OID, SPIFFE_TRUST_DOMAIN, DISTRIBUTION_URL, CERTIFICATE_VALIDITY_DAYS } = process.env;
  return validateProfileSettings({
    privateArc: PRIVATE_ARC || DEFAULT_PRIVATE_ARC,
    ...(POLICY_OID && { policyOid: POLICY_OID }),
    ...(SPIFFE_TRUST_DOMAIN && { spiffeTrustDomain: SPIFFE_TRUST_DOMAIN }),
    ...(DISTRIBUTION_URL && { distributionUrl: DISTRIBUTION_URL }),
    ...(CERTIFICATE_VALIDITY_DAYS && { agentValidityDays: Number(CERTIFICATE_VALIDITY_DAYS) }),
  });
}

/**
 * The keys of the issuing CA's generations, the one that issues first.
 * @throws Error where there is not one for each of them.
 */
export function issuingKeys(): { generation: number; keyArn: string }[] {
  const [generations, keyArns] = [environment('issuingGenerations'), environment('issuingKeyArns')];
  return generations.map((generation, index) => {
    const keyArn = keyArns[index];
    if (keyArn === undefined || keyArns.length > generations.length) throw new Error(`ISSUING_KEY_IDS has ${keyArns.length} keys, and ISSUING_GENERATIONS ${generations.length} generations: give each its own.`);
    return { generation, keyArn };
  });
}
