import { z } from 'zod';
import { isCountryCode } from '../lambdas/pki/iso-3166.ts';
import type { ProfileError } from '../lambdas/pki/profile-error.ts';
import { DEFAULT_PRIVATE_ARC, LONGEST_AGENT_VALIDITY_DAYS, validateProfileSettings } from '../lambdas/pki/profile.ts';
import { addressLimits, addressWindowSeconds, stageIssuanceThrottle, stageThrottle, standardPlan, usagePlans, type UsagePlan } from '../lambdas/rate-limits.ts';

/** A setting of the certificate profile, held to the rules that minting and issuing will hold it to. */
const profileSetting = (name: 'privateArc' | 'policyOid' | 'spiffeTrustDomain') =>
  z.string('must be text').superRefine((value, context) => {
    try {
      validateProfileSettings({ privateArc: DEFAULT_PRIVATE_ARC, [name]: value });
    } catch (error) {
      context.addIssue((error as ProfileError).message.replace(`${name} `, '').replace(/\.$/, ''));
    }
  }).optional();

const generation = 'must be a list of whole numbers from 1, each once, the one that issues first';

const kmsKey = 'must be true, false or the ARN of a KMS key';
const accountId = 'must be an account id of 12 digits, in quotes';

/** At least one, and no more than API Gateway lets through of all tenants together. */
const atMost = (greatest: number) => z.int('must be a whole number').min(1, 'must be at least 1').max(greatest, `must be at most ${greatest}: so much is there for all tenants together`);

const usagePlan = z.strictObject({
  requestsPerSecond: atMost(stageThrottle.requestsPerSecond),
  burst: atMost(stageThrottle.burst),
  issuancesPerSecond: atMost(stageIssuanceThrottle.requestsPerSecond),
  issuanceBurst: atMost(stageIssuanceThrottle.burst),
}, 'must have requestsPerSecond, burst, issuancesPerSecond and issuanceBurst');

// What the firewall can hold an address to.
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html
const requestsOfAnAddress = z.int('must be a whole number').min(100, 'must be at least 100').max(2_000_000_000, 'must be at most 2000000000');

// In small letters, as it will stand in certificates, whose URLs are compared byte for byte.
const domainName = z.string('must be a domain name').max(253, 'must not exceed 253 characters')
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/, 'must be a domain name in small letters, such as pki.example.com');

const acmCertificate = 'must be the ARN of a certificate in ACM';
const domain = z.strictObject({
  name: domainName,
  certificateArn: z.string(acmCertificate).regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[0-9a-zA-Z-]+$/, acmCertificate),
}, 'must have name and certificateArn');

const truststore = 'must be where a PEM file of CA certificates lies, as in s3://bucket/truststore.pem';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const logRetentions = [7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

const settingsSchema = z.strictObject({
  deployment: z.string()
    .regex(/^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be 1 to 32 of a-z, 0-9 and "-", beginning with a letter and not ending in "-"')
    .default('kakunin'),
  region: z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be an AWS Region, such as eu-west-1').default('eu-west-1'),
  // X.520 ub-organization-name (RFC 5280 appendix A.1).
  organization: z.string({ error: 'is required: the organisation named in the CA certificates' })
    .trim().min(1, 'must not be empty').max(45, 'must not exceed 45 characters: with what follows it in the CA\'s common name it has to fit into 64'),
  country: z.string('must be text').refine(isCountryCode, 'must be an assigned ISO 3166-1 code of two capital letters, such as IE').optional(),
  spiffeTrustDomain: profileSetting('spiffeTrustDomain'),
  privateArc: profileSetting('privateArc'),
  policyOid: profileSetting('policyOid'),
  certificateValidityDays: z.int('must be a whole number of days')
    .min(1, 'must be at least 1')
    .max(LONGEST_AGENT_VALIDITY_DAYS, `must be at most ${LONGEST_AGENT_VALIDITY_DAYS}`)
    .default(LONGEST_AGENT_VALIDITY_DAYS),
  // Of the issuing CA: the first issues, the others serve what they issued (docs/ca-rotation.md). Leaving one out takes it out of use
  // for good, which the deployment refuses while a certificate of it lives.
  issuingGenerations: z.tuple([z.int(generation).min(1, generation)], z.int(generation).min(1, generation), generation)
    .refine((generations) => new Set(generations).size === generations.length, generation)
    .default([1]),
  riskThreshold: z.number('must be a number')
    .gt(0, 'must be above 0, or every record would revoke')
    .lte(1, 'must be at most 1, or no record would ever revoke')
    .default(0.85),
  // A revoked API key keeps working for as long as API Gateway remembers what the authorizer said of it.
  authorizerCacheSeconds: z.int('must be a whole number of seconds')
    .min(0, 'must not be negative')
    .max(60, 'must be at most 60: a revoked API key works for that long')
    .default(60),
  crlShards: z.int('must be a whole number')
    .min(1, 'must be at least 1: every certificate names the CRL of a shard')
    .max(1024, 'must be at most 1024')
    .default(16),
  // What KMS admits. https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
  keyDeletionDays: z.int('must be a whole number of days')
    .min(7, 'must be at least 7: KMS keeps a key for that long')
    .max(30, 'must be at most 30: KMS keeps a key no longer')
    .default(30),
  // How long nothing of the exported audit trail can be removed: seven years, the longest that MiFID II article 16(7) lets an
  // authority ask records of transactions to be kept. What was exported before a change keeps its time.
  auditRetentionDays: z.int('must be a whole number of days')
    .min(1, 'must be at least 1: exports are kept under a lock')
    .max(36_500, 'must be at most 36500: S3 locks objects for 100 years at the most')
    .default(2557),
  // GOVERNANCE lets whoever has s3:BypassGovernanceRetention shorten that, which is nobody here. Under COMPLIANCE nobody can, not
  // even the account's root user, and a bucket made by mistake is paid for until the end; so it has to be asked for.
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html#object-lock-retention-modes
  auditRetentionMode: z.enum(['GOVERNANCE', 'COMPLIANCE'], 'must be GOVERNANCE or COMPLIANCE').default('GOVERNANCE'),
  // True makes a KMS key of the deployment's own; an ARN names one that is there, whose policy has to let the services use it. What was
  // encrypted with a key needs it for ever: the key outlives its stack.
  customerKey: z.union([z.boolean(), z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[0-9a-zA-Z-]+$/, kmsKey)], kmsKey).default(false),
  // Beside point-in-time recovery, which every deployment has and which reaches back for 35 days.
  backupRetentionDays: z.int('must be a whole number of days')
    .min(1, 'must be at least 1: leave it out for no backups beside point-in-time recovery')
    .max(36_500, 'must be at most 36500: AWS Backup keeps nothing for longer')
    .optional(),
  // Of what functions log; what CloudWatch admits. The access log is kept for a year whatever this says.
  logRetentionDays: z.literal(logRetentions, `must be one of ${logRetentions.join(', ')}`).default(90),
  alarmEmail: z.email('must be an e-mail address').optional(),
  // KMS's own, unless AWS has raised it: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
  kmsKeyQuota: z.int('must be a whole number').min(1, 'must be at least 1').default(100_000),
  // Whose roles agents may run as that sign with their own keys, without this service in between.
  granteeAccounts: z.array(z.string(accountId).regex(/^\d{12}$/, accountId), 'must be a list of account ids').default([]),
  // What certificates name in the place of CloudFront's own domain, which ends with the distribution.
  distributionDomain: domain.optional(),
  apiDomain: domain.optional(),
  // Who may speak to the API at all: clients with a certificate of these CAs.
  mutualTls: z.strictObject({
    truststoreUri: z.string(truststore).regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\s?#]+$/, truststore),
    truststoreVersion: z.string('must be text').min(1, 'must not be empty').optional(),
  }, 'must have truststoreUri').optional(),
  // What tenants may choose from, by name; `npm run admin -- tenant plan` puts a tenant into another. One that is left out takes its
  // tenants' access with it.
  usagePlans: z.record(z.string(), usagePlan, 'must be plans by their names').default(usagePlans),
  // `prepared` makes the plans and asks nobody for one: for a deployment whose tenants were made before there were plans, until
  // `npm run admin -- tenant repair` has put them into one.
  tenantLimits: z.enum(['enforced', 'prepared'], 'must be enforced or prepared').default('enforced'),
  // The firewall before the API: 10 USD a month and 0.60 USD for each million requests.
  webAcl: z.boolean('must be true or false').default(true),
  addressLimits: z.strictObject({ requests: requestsOfAnAddress, publicRequests: requestsOfAnAddress }, 'must have requests and publicRequests').default(addressLimits),
}).superRefine(({ region, distributionDomain, apiDomain, mutualTls, usagePlans: plans, addressLimits: { requests, publicRequests } }, context) => {
  const complain = (path: PropertyKey[], message: string) => { context.addIssue({ code: 'custom', path, message }); };
  if (plans[standardPlan] === undefined) complain(['usagePlans'], `must have the plan ${standardPlan}, which tenants are in of which nothing else was said`);
  for (const [name, { requestsPerSecond }] of Object.entries<UsagePlan>(plans)) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) complain(['usagePlans', name], 'must be called by 1 to 32 of a-z, 0-9 and "-", beginning with a letter');
    if (requestsPerSecond * addressWindowSeconds > requests) {
      complain(['addressLimits', 'requests'], `must be at least ${requestsPerSecond * addressWindowSeconds}, or a tenant of the plan ${name} could not ask from one address what it may`);
    }
  }
  // CloudFront looks for certificates there alone, and API Gateway in its own Region.
  // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
  if (distributionDomain !== undefined && regionOf(distributionDomain.certificateArn) !== 'us-east-1') complain(['distributionDomain', 'certificateArn'], 'must be of a certificate in us-east-1, whatever the Region: CloudFront takes no other');
  if (apiDomain !== undefined && regionOf(apiDomain.certificateArn) !== region) complain(['apiDomain', 'certificateArn'], `must be of a certificate in ${region}, where the API is`);
  if (mutualTls !== undefined && apiDomain === undefined) complain(['mutualTls'], 'needs apiDomain: API Gateway asks for client certificates under a name of yours alone');
  if (apiDomain !== undefined && apiDomain.name === distributionDomain?.name) complain(['apiDomain', 'name'], 'must not be that of distributionDomain: a name leads to CloudFront or to the API');
  if (publicRequests > requests) complain(['addressLimits', 'publicRequests'], 'must not be above addressLimits.requests, which counts them too');
});

const regionOf = (arn: string): string | undefined => arn.split(':')[3];

/** The names of the settings, in the order of docs/configuration.md. */
export const settingNames = Object.keys(settingsSchema.shape);

/** What a deployment chooses; everything else is the same everywhere. */
export type Settings = Readonly<z.infer<typeof settingsSchema>>;

/**
 * Reads the settings from the context value `kakunin` (cdk.json).
 * @throws Error that says of each wrong setting what it has to be.
 */
export function readSettings(context: unknown): Settings {
  const { success, data, error } = settingsSchema.safeParse(context ?? {});
  if (success) return data;
  const complaints = error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? `${issue.keys.join(', ')} ${issue.keys.length === 1 ? 'is not a setting' : 'are not settings'}`
      : `${issue.path.join('.') || 'the value'} ${issue.message}`);
  throw new Error(`The context value "kakunin" in cdk.json cannot be used: ${complaints.join('; ')}.`);
}
