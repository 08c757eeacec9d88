import { type OcspCertId, isIssuedBy, parseOcspRequest, type OcspRequest } from '../pki/ocsp-request.ts';
import { buildOcspResponse, ocspErrorResponse, type OcspCertStatus, type OcspSingleResponse } from '../pki/ocsp-response.ts';
import { generationOfShard } from '../pki/issuing-generation.ts';
import { certificateIdOf } from '../pki/serial-number.ts';
import { verifyRsaSha256 } from '../pki/signature.ts';
import type { Certificate } from './certificate.ts';
import { Refusal } from './errors.ts';
import { underIssuer, type IssuingAuthorities } from './issuing-authority.ts';
import type { OcspSigner, RememberedOcspSigner } from './ocsp-signer.ts';
import type { KeyManagement, Registry } from './ports.ts';
import { reasonCodes } from './revocation-reasons.ts';

export interface OcspServices {
  readonly registry: Pick<Registry, 'getCertificate'>;
  readonly issuingAuthorities: IssuingAuthorities;
  readonly keys: Pick<KeyManagement, 'signDigest'>;
  /** One for each generation of the issuing CA: each answers for what that CA has issued (RFC 6960 §4.2.2.2). */
  readonly signers: readonly RememberedOcspSigner[];
  readonly clock: () => Date;
}

/** The OCSPResponse in DER, and what is to be known of it by who sends it on. */
export type OcspAnswer =
  | {
      readonly status: 'successful';
      readonly der: Uint8Array;
      /** Whole seconds, as in the answer. */
      readonly thisUpdate: Date;
      readonly nextUpdate: Date;
      /** For how long a cache may give the answer to others; undefined for one with a nonce, which is for who asked. */
      readonly maxAgeSeconds: number | undefined;
    }
  | {
      readonly status: 'malformedRequest' | 'unauthorized' | 'tryLater' | 'internalError';
      readonly der: Uint8Array;
      /** Why, for the log. */
      readonly cause: unknown;
    };

/** From thisUpdate to nextUpdate: what a client that keeps to OCSP's own times may go on believing. */
const validityMilliseconds = 600_000;
/** An HTTP cache may keep a status for so long that may still change. */
const changeableMaxAgeSeconds = 5;

/**
 * Answers an OCSP request (RFC 6960, RFC 9654) about certificates of an issuing CA, from one strongly consistent read
 * for each serial number: a revocation shows from the moment its transaction is through. That of the CA itself makes all
 * of its certificates revoked (§2.7). A certificate that has expired
 * is answered with what it was last, good or revoked: "good" says that it was not revoked, and its end stands in it
 * (RFC 6960 §2.2).
 * @param requestDer as it came from the client
 * @returns never an exception: what fails is an answer too. tryLater where KMS or the registry is not available or the
 *   CA is not set up, internalError for whatever is unforeseen, such as a signature that does not verify.
 */
export async function answerOcsp(services: OcspServices, requestDer: Uint8Array): Promise<OcspAnswer> {
  try {
    const request = parseOcspRequest(requestDer);
    if ('malformed' in request) return failure('malformedRequest', request.malformed);
    const responsible = await responsibleFor(request, services.signers);
    if (responsible === undefined) return failure('unauthorized', 'The request asks about no certificate of the issuing CA.');
    return await signedAnswer(services, request, responsible);
  } catch (cause) {
    return failure(cause instanceof Refusal ? 'tryLater' : 'internalError', cause);
  }
}

function failure(status: Exclude<OcspAnswer['status'], 'successful'>, cause: unknown): OcspAnswer {
  return { status, der: ocspErrorResponse(status), cause };
}

interface Responsible {
  readonly signer: OcspSigner;
  readonly remembered: RememberedOcspSigner;
}

/**
 * The signer for the CA that issued the first certificate that is asked about and was issued here. One that is not usable
 * holds up no request about certificates of another CA.
 */
async function responsibleFor({ certIds }: OcspRequest, signers: readonly RememberedOcspSigner[]): Promise<Responsible | undefined> {
  const readings = await Promise.allSettled(signers.map(async (remembered) => ({ remembered, signer: await remembered.current() })));
  const usable = readings.flatMap((reading) => (reading.status === 'fulfilled' ? [reading.value] : []));
  for (const certId of certIds) {
    const responsible = usable.find(({ signer }) => isIssuedBy(certId, signer.issuer));
    if (responsible !== undefined) return responsible;
  }
  const failed = readings.find((reading) => reading.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return undefined;
}

async function signedAnswer(services: OcspServices, { certIds, nonce }: OcspRequest, { signer, remembered }: Responsible): Promise<OcspAnswer> {
  // Taken before the registry is read, so that what is answered held at that time.
  const thisUpdate = wholeSecond(services.clock());
  const nextUpdate = new Date(thisUpdate.getTime() + validityMilliseconds);
  const responses = await statusesOf(services, certIds, signer);
  const unsigned = buildOcspResponse({ responderCertificateDer: signer.certificateDer, producedAt: thisUpdate, thisUpdate, nextUpdate, responses, nonce });
  const signature = await sign(services.keys, remembered, signer, unsigned);
  const isFinal = responses.every(({ status }) => status === 'revoked');
  const untilNextUpdateSeconds = Math.floor((nextUpdate.getTime() - services.clock().getTime()) / 1000);
  return {
    status: 'successful', der: unsigned.withSignature(signature), thisUpdate, nextUpdate,
    maxAgeSeconds: nonce !== undefined ? undefined : isFinal ? untilNextUpdateSeconds : changeableMaxAgeSeconds,
  };
}

/** Where this fails, the key may no longer be the responder's, so the next request looks. */
async function sign(keys: OcspServices['keys'], remembered: RememberedOcspSigner, { keyArn, publicKey }: OcspSigner, { digest, tbsResponseDataDer }: { digest: Uint8Array; tbsResponseDataDer: Uint8Array }): Promise<Uint8Array> {
  try {
    const signature = await keys.signDigest(keyArn, digest);
    if (!verifyRsaSha256(publicKey, tbsResponseDataDer, signature)) throw new Error(`The signature that KMS made with ${keyArn} does not verify with the OCSP responder’s certificate.`);
    return signature;
  } catch (error) {
    remembered.forget();
    throw error;
  }
}

async function statusesOf({ registry, issuingAuthorities }: OcspServices, certIds: readonly OcspCertId[], { issuer, generation }: OcspSigner): Promise<OcspSingleResponse[]> {
  const readings = new Map<string, Promise<Certificate | undefined>>();
  const read = async (serialNumber: string) => {
    const certificate = await registry.getCertificate(certificateIdOf(serialNumber));
    // Another CA's certificate of this number is not the one that is asked about.
    return certificate && generationOfShard(certificate.crlShard) === generation ? underIssuer(certificate, await issuingAuthorities(generation)) : undefined;
  };
  const certificateWith = (serialNumber: string) => {
    const reading = readings.get(serialNumber) ?? read(serialNumber);
    readings.set(serialNumber, reading);
    return reading;
  };
  return Promise.all(certIds.map(async (certId) => {
    const isOurs = certId.serialNumber !== undefined && isIssuedBy(certId, issuer);
    return { certIdDer: certId.der, ...statusOf(isOurs ? await certificateWith(certId.serialNumber) : undefined) };
  }));
}

function statusOf(certificate: Certificate | undefined): OcspCertStatus {
  if (certificate === undefined) return { status: 'unknown' };
  const { status, revokedAt, reasonCode = 'unspecified' } = certificate;
  if (status === 'active') return { status: 'good' };
  // A record without the time of its revocation is an internalError: no encoding takes an invalid date.
  return { status: 'revoked', revocationTime: new Date(revokedAt ?? Number.NaN), reasonCode: reasonCodes[reasonCode] };
}

function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
