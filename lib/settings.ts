import { z } from 'zod';

const oid = (what: string) =>
  z.string().regex(/^(?:[01]\.[1-3]?\d|2\.\d+)(?:\.(?:0|[1-9]\d*))+$/, `must be the ${what} in dotted form, such as 1.3.6.1.4.1.61411.1`);

const settingsSchema = z.strictObject({
  deployment: z.string()
    .regex(/^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be 1 to 32 of a-z, 0-9 and "-", beginning with a letter and not ending in "-"')
    .default('kakunin'),
  region: z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be an AWS Region, such as eu-west-1').default('eu-west-1'),
  // X.520 ub-organization-name (RFC 5280 appendix A.1).
  organization: z.string({ error: 'is required: the organisation named in the CA certificates' })
    .trim().min(1, 'must not be empty').max(64, 'must not exceed 64 characters'),
  country: z.string()
    .regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code of two capital letters, such as IE')
    .refine((code) => code !== 'EU' && code !== 'UK', 'must be an assigned ISO 3166-1 code, which EU and UK are not')
    .optional(),
  spiffeTrustDomain: z.string()
    .regex(/^[a-z0-9._-]{1,255}$/, 'must be a SPIFFE trust domain: 1 to 255 of a-z, 0-9, ".", "-" and "_"')
    .optional(),
  privateArc: oid('OID below which the private extensions stand').optional(),
  policyOid: oid('OID of the certificate policy').optional(),
  // RFC 5280 §8: fetching revocation over https would need a certificate to be checked first.
  distributionUrl: z.string()
    .regex(/^http:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*$/, 'must be a plain http URL without query or trailing slash, such as http://pki.example.com')
    .optional(),
  riskThreshold: z.number('must be a number')
    .gt(0, 'must be above 0, or every record would revoke')
    .lte(1, 'must be at most 1, or no record would ever revoke')
    .default(0.85),
  // A revoked API key keeps working for as long as API Gateway remembers what the authorizer said of it.
  authorizerCacheSeconds: z.int('must be a whole number of seconds')
    .min(0, 'must not be negative')
    .max(60, 'must be at most 60: a revoked API key works for that long')
    .default(60),
});

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
