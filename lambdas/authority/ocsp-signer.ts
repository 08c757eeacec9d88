import { X509Certificate, type KeyObject } from 'node:crypto';
import { describeCertificate } from '../pki/certificate-description.ts';
import { ocspIssuerHashes, type OcspIssuerHashes } from '../pki/ocsp-request.ts';
import { pemToDer } from '../pki/pem.ts';
import { authorityNotInitialised } from './errors.ts';
import type { IssuingAuthorities } from './issuing-authority.ts';
import type { Registry } from './ports.ts';

/** Who signs OCSP answers, and about whose certificates: what every answer needs, made ready once. */
export interface OcspSigner {
  readonly keyArn: string;
  readonly certificateDer: Uint8Array;
  readonly publicKey: KeyObject;
  readonly notAfter: Date;
  /** What CertIDs name the issuing CA by, which certified the responder. */
  readonly issuer: OcspIssuerHashes;
  /** That CA's. */
  readonly generation: number;
}

export interface RememberedOcspSigner {
  /**
   * @throws Refusal CA_NOT_INITIALISED where there is no responder yet, REGISTRY_UNAVAILABLE; Error where its certificate
   *   has expired, since nobody would accept what it signs
   */
  current(): Promise<OcspSigner>;
  /** Has the next call read it anew: what it signed with may have been replaced. */
  forget(): void;
}

export interface OcspSignerServices {
  readonly registry: Pick<Registry, 'getAuthority'>;
  readonly issuingAuthorities: IssuingAuthorities;
  /** Of the issuing CA about whose certificates it answers. */
  readonly generation: number;
  readonly clock: () => Date;
}

/** Short enough for every renewal to be noticed: it happens when half of a certificate's 30 days are left. */
const rememberedMilliseconds = 3_600_000;

/** Reads the responder's certificate and keeps it for an hour, or until it ends. A failure is not kept. */
export function rememberedOcspSigner(services: OcspSignerServices): RememberedOcspSigner {
  let remembered: Promise<OcspSigner> | undefined;
  let readAgainAt = Infinity;
  const forget = () => {
    remembered = undefined;
    readAgainAt = Infinity;
  };
  return {
    forget,
    current() {
      const now = services.clock().getTime();
      if (now >= readAgainAt) forget();
      remembered ??= readOcspSigner(services, now).then(
        (signer) => {
          readAgainAt = Math.min(now + rememberedMilliseconds, signer.notAfter.getTime());
          return signer;
        },
        (error: unknown) => {
          forget();
          throw error;
        },
      );
      return remembered;
    },
  };
}

async function readOcspSigner({ registry, issuingAuthorities, generation }: OcspSignerServices, now: number): Promise<OcspSigner> {
  const [issuing, responder] = await Promise.all([issuingAuthorities(generation), registry.getAuthority('ocsp', generation)]);
  if (responder === undefined) throw authorityNotInitialised();
  const certificateDer = pemToDer(responder.certificatePem);
  const { notAfter } = describeCertificate(certificateDer);
  if (notAfter.getTime() <= now) throw new Error(`The OCSP responder’s certificate ended at ${notAfter.toISOString()} and has not been renewed: see why mint-authority fails.`);
  return {
    keyArn: responder.keyArn,
    certificateDer,
    publicKey: new X509Certificate(certificateDer).publicKey,
    notAfter,
    issuer: ocspIssuerHashes(pemToDer(issuing.certificatePem)),
    generation,
  };
}
