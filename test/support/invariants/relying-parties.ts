import { crlShardUrl } from '../../../lambdas/pki/distribution-urls.ts';
import { OCSP_MAX_CERT_IDS } from '../../../lambdas/pki/ocsp-request.ts';
import { serialNumberOf } from '../../../lambdas/pki/serial-number.ts';
import { authorityPems } from '../authorities.ts';
import { ocspRequest, readOcspResponse } from '../ocsp.ts';
import { publishedCrl } from '../published-crl.ts';
import type { Item, Service, World } from './world.ts';

/** Every revocation is where relying parties look: at /verify, in OCSP, on the CRL that the certificate names, and on the complete one. */
export async function violationsOfRevocations(service: Service, { certificates }: World): Promise<string[]> {
  const revoked = [...certificates.values()].filter(({ status }) => status === 'revoked');
  if (revoked.length === 0) return [];
  // A CRL keeps what was revoked until it expires (RFC 5280 §3.3).
  const now = new Date().toISOString();
  const unexpired = revoked.filter(({ expiresAt }) => expiresAt > now);
  return (await Promise.all([missingOnCrls(service, unexpired), unknownToVerify(service, revoked), unknownToOcsp(service, revoked)])).flat();
}

async function missingOnCrls({ distributionUrl }: Service, revoked: readonly Item[]): Promise<string[]> {
  const complete = await publishedCrl(`${distributionUrl}/crl/complete.crl`);
  const shards = new Map(await Promise.all([...new Set(revoked.map(({ crlShard }) => crlShard as number))].map(async (shard) => [shard, await publishedCrl(crlShardUrl(distributionUrl, shard))] as const)));
  return revoked.flatMap(({ id, agentId, crlShard }) => {
    const serialNumber = serialNumberOf(id);
    return [
      ...(shards.get(crlShard)?.entries.has(serialNumber) === true ? [] : [`Certificate ${id} of agent ${agentId} is revoked, and not on the CRL that it names, number ${crlShard}.`]),
      ...(complete.entries.has(serialNumber) ? [] : [`Certificate ${id} of agent ${agentId} is revoked, and not on the complete CRL.`]),
    ];
  });
}

const verificationsAtOnce = 16;

async function unknownToVerify({ call }: Service, revoked: readonly Item[]): Promise<string[]> {
  const problems: string[] = [];
  const queue = revoked.values();
  await Promise.all(Array.from({ length: verificationsAtOnce }, async () => {
    for (const { id, agentId } of queue) {
      const { status, body } = await call('GET', `/verify/${serialNumberOf(id)}`, { key: null });
      if (status !== 200 || body.data.status !== 'revoked' || body.data.valid !== false) problems.push(`Certificate ${id} of agent ${agentId} is revoked, and /verify answers ${status} ${body?.data?.status}.`);
    }
  }));
  return problems;
}

async function unknownToOcsp({ call, distributionUrl }: Service, revoked: readonly Item[]): Promise<string[]> {
  const { issuing } = await authorityPems(call);
  const problems: string[] = [];
  for (let start = 0; start < revoked.length; start += OCSP_MAX_CERT_IDS) {
    const part = revoked.slice(start, start + OCSP_MAX_CERT_IDS);
    const request = ocspRequest(part.map(({ id }) => ({ issuer: issuing, serialNumber: serialNumberOf(id) })));
    const response = await fetch(`${distributionUrl}/ocsp`, { method: 'POST', body: request as NonNullable<RequestInit['body']> });
    const { responses } = readOcspResponse(new Uint8Array(await response.arrayBuffer()));
    part.forEach(({ id, agentId }, index) => {
      if (responses[index]?.status !== 'revoked') problems.push(`Certificate ${id} of agent ${agentId} is revoked, and OCSP says ${responses[index]?.status ?? 'nothing'}.`);
    });
  }
  return problems;
}
