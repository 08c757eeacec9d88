import { hasUnexpired, listIssuingAuthorities } from '../../lambdas/authority/issuing-generations.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { finalReasonCodes } from '../../lambdas/authority/revocation-reasons.ts';
import { expiries } from '../../lambdas/aws/expiries.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { agentValiditySeconds, DEFAULT_PRIVATE_ARC } from '../../lambdas/pki/profile.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone, UsageError } from './failures.ts';
import { renderTable } from './table.ts';

/* The generations of the issuing CA (docs/ca-rotation.md). */

/** Every generation there has been: how long it may issue, and whether it still serves. */
export async function listAuthorities({ registry, tables, environment }: Services): Promise<Outcome> {
  const services = { expiries: expiries(tables.registry), crlShardCount: Number(environment['CRL_SHARDS'] || 16) };
  const generations = await Promise.all((await listIssuingAuthorities(registry)).map(async (authority) => (
    resourceOf(authority, await hasUnexpired(services, authority.generation))
  )));
  if (generations.length === 0) throw new NotDone('The registry has no issuing CA: deploy it first, or name another table with --table.');
  return {
    json: generations,
    lines: renderTable(
      generations.map(({ generation, issues_until, not_after, unexpired_certificates, revoked_at, fingerprint_sha256 }) => (
        [String(generation), issues_until.slice(0, 10), not_after.slice(0, 10), unexpired_certificates ? 'some' : 'none', revoked_at?.slice(0, 10) ?? '-', fingerprint_sha256]
      )),
      { header: ['GENERATION', 'ISSUES UNTIL', 'ENDS', 'NOT EXPIRED', 'REVOKED', 'SHA-256'] },
    ),
  };
}

function resourceOf({ generation, certificatePem, revocation }: Authority, unexpired: boolean) {
  const { subject, notAfter, fingerprintSha256 } = describeCertificate(pemToDer(certificatePem));
  return {
    generation,
    subject,
    // It issues nothing that would outlive it, and no certificate lives longer.
    issues_until: new Date(notAfter.getTime() - agentValiditySeconds({ privateArc: DEFAULT_PRIVATE_ARC }) * 1000).toISOString(),
    not_after: notAfter.toISOString(),
    unexpired_certificates: unexpired,
    revoked_at: revocation?.revokedAt ?? null,
    reason_code: revocation?.reasonCode ?? null,
    fingerprint_sha256: fingerprintSha256,
  };
}

/** Revokes a generation for good. Only mint-authority may use the root's key, so the root's CRL lists it at that function's next run. */
export async function revokeAuthority({ registry, now, environment }: Services, operand: string, options: CommandOptions): Promise<Outcome> {
  const reasonCode = finalReasonCodes.find((code) => code === options.reason);
  if (reasonCode === undefined) throw new UsageError(`--reason is "${options.reason}": give it one of ${finalReasonCodes.join(', ')}.`);
  const authority = /^\d{1,6}$/.test(operand) ? await registry.getAuthority('issuing', Number(operand)) : undefined;
  if (authority === undefined) throw new NotDone(`There is no generation "${operand}" of the issuing CA: take its number from "authority list".`);
  const revocation = { revokedAt: now.toISOString(), reasonCode };
  if (!(await registry.revokeIssuingAuthority(authority, revocation))) throw new NotDone(`Generation ${operand} is revoked already. Nothing was changed.`);
  const functionName = `${environment['DEPLOYMENT'] || 'kakunin'}-mint-authority`;
  return {
    json: { generation: authority.generation, revoked_at: revocation.revokedAt, reason_code: reasonCode },
    lines: [
      `Generation ${operand} of the issuing CA is revoked. Within a minute it issues nothing more, and all its certificates are answered as revoked.`,
      'The root’s CRL lists it after the next run of mint-authority, within a day. Have it run now:',
      `  aws lambda invoke --function-name ${functionName} --cli-binary-format raw-in-base64-out --payload '{}' /dev/stdout`,
    ],
  };
}
