import type { RootCertificateRequest, UnsignedCertificate } from '../pki/certificate.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { serialNumberFromRandom } from '../pki/serial-number.ts';
import { verifyCertificateSignature } from '../pki/signature.ts';
import type { KeyManagement } from './ports.ts';

/** Who signs. */
export interface Signer {
  readonly keyArn: string;
  /** What the key's signatures verify with: a SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
}

export interface CertificateToSign {
  /** Whose it is, for the sentences of errors. */
  readonly holder: string;
  readonly unsigned: UnsignedCertificate;
  /** Refuses what is not as the profile has it. */
  readonly lint: (tbsCertificateDer: Uint8Array) => readonly string[];
}

/**
 * Checks a certificate that was built as a stranger would, has its digest signed, and checks the signature.
 * @returns the certificate in DER
 * @throws Error where the profile refuses it, and nothing was signed, or where the signature does not verify; Refusal KMS_…
 */
export async function signCertificate(keys: Pick<KeyManagement, 'signDigest'>, { keyArn, publicKey }: Signer, { holder, unsigned, lint }: CertificateToSign): Promise<Uint8Array> {
  const findings = lint(unsigned.tbsCertificateDer);
  if (findings.length > 0) throw new Error(`The ${holder}’s certificate to be signed violates the profile: ${findings.map(withoutTexts).join('; ')}`);
  const certificateDer = unsigned.withSignature(await keys.signDigest(keyArn, unsigned.digest));
  if (!verifyCertificateSignature(certificateDer, publicKey)) throw new Error(`The signature that KMS made with ${keyArn} for the ${holder}’s certificate does not verify.`);
  return certificateDer;
}

/** For the log: whose name or scope a refused certificate would have said is nobody's business there. */
const withoutTexts = (finding: string) => finding.replace(/"(?:[^"\\]|\\.)*"/g, '"…"');

/** What certifies the keys of the service itself. */
export interface CertifyingServices {
  readonly keys: Pick<KeyManagement, 'getPublicKey' | 'signDigest'>;
  readonly settings: ProfileSettings;
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
}

/** Who runs the service: its name begins that of each authority. */
export interface Organization {
  readonly organization: string;
  readonly country?: string;
}

/** Requests a certificate for a key of the service's own, under a name after the organization's and a random serial number. */
export async function certificateRequest(
  { keys, settings, random }: CertifyingServices,
  { organization, country }: Organization,
  { name, keyArn, notBefore }: { readonly name: string; readonly keyArn: string; readonly notBefore: Date },
): Promise<RootCertificateRequest> {
  return {
    subject: { organization, commonName: `${organization} ${name}`, ...(country !== undefined && { country }) },
    subjectPublicKeyInfoDer: await keys.getPublicKey(keyArn),
    serialNumber: serialNumberFromRandom(random(16)),
    notBefore,
    settings,
  };
}
