import { sign } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AgentCertificateRequest } from '../../lambdas/pki/certificate.ts';
import { encodeRevokedCertificate } from '../../lambdas/pki/crl.ts';
import { certificateToPem } from '../../lambdas/pki/pem.ts';
import { octetsOf } from '../../lambdas/pki/hexadecimal.ts';
import { SHA256_WITH_RSA_DER } from '../../lambdas/pki/signature-algorithm.ts';
import { readTrust, type Trust, type TrustSource, type VerifyOptions } from '../../verify/index.ts';
import { agentCertificate, certificateId, distributed, rsaKey, signed, type TestAuthority, testAuthority, type TestKey } from '../pki/authority-fixture.ts';
import { tlv } from '../pki/der-surgery.ts';
import { signedCrl } from '../pki/revocation-fixture.ts';

export const shardUrl = 'http://pki.example.com/kakunin/crl/shard-3.crl';
export const at = new Date('2026-06-01T12:00:00Z');
/** Judged at the moment the fixture's CRLs are of, to the second. */
export const options: VerifyOptions = { at, clockToleranceSeconds: 0 };

/** Certificates and CRLs as the service makes them: an authority, an agent with its key, and the CRL of its shard. */
export interface World {
  readonly authority: TestAuthority;
  readonly agentKey: TestKey;
  readonly certificateDer: Uint8Array;
  readonly certificate: string;
  /** The issuing CA and the root, as GET /v1/ca has them. */
  readonly authorities: string;
  readonly shardCrl: Uint8Array;
  readonly trust: Trust;
  trusting(changes: Partial<TrustSource>): Trust;
  /** The agent's certificate with other contents, signed by the issuing CA unless by another. */
  issue(changes?: Partial<AgentCertificateRequest>, signer?: TestKey): Uint8Array;
  /** The agent's certificate after surgery on its TBSCertificate, signed by the issuing CA. */
  reissue(change: (tbsDer: Uint8Array) => Uint8Array): Uint8Array;
  /** Base64, as the service answers it. */
  sign(payload: unknown): string;
}

/** Keys of the profile's sizes: some seconds, so once for each test file. */
export function makeWorld(): World {
  const authority = testAuthority(distributed);
  const agentKey = rsaKey(2048);
  const unsigned = (changes: Partial<AgentCertificateRequest> = {}) => agentCertificate(authority, agentKey, { settings: distributed, crlShard: 3, ...changes });
  const issue = (changes?: Partial<AgentCertificateRequest>, signer = authority.issuingKey): Uint8Array => signed(unsigned(changes), signer);
  const certificateDer = issue();
  const authorities = certificateToPem(authority.issuingCertificateDer) + certificateToPem(authority.rootCertificateDer);
  const shardCrl = signedCrl(authority, { issuingDistributionPoint: shardUrl });
  const trusting = (changes: Partial<TrustSource>): Trust => readTrust({ authorities, crls: [shardCrl], ...changes });
  return {
    authority, agentKey, certificateDer, authorities, shardCrl, trusting, issue,
    certificate: certificateToPem(certificateDer),
    trust: trusting({}),
    reissue: (change) => signTbs(change(unsigned().tbsCertificateDer), authority.issuingKey),
    sign: (payload) => sign('sha256', Buffer.from(canonicalize(payload) ?? ''), agentKey.privateKey).toString('base64'),
  };
}

/** A certificate around these octets, whatever they are. */
export function signTbs(tbsDer: Uint8Array, signer: TestKey): Uint8Array {
  return tlv(0x30, tbsDer, octetsOf(SHA256_WITH_RSA_DER), tlv(0x03, Uint8Array.of(0), sign('sha256', tbsDer, signer.privateKey)));
}

/** The fixture's certificate as a CRL lists it. */
export const revokedEntry = (revocationDate = new Date('2026-05-04T03:02:01Z'), reasonCode = 1): Uint8Array =>
  encodeRevokedCertificate({ serialNumber: certificateId.replaceAll('-', '').toUpperCase(), revocationDate, reasonCode });
