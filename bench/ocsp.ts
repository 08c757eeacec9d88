import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { parseOcspRequest } from '../lambdas/pki/ocsp-request.ts';
import { buildOcspResponse, type UnsignedOcspResponse } from '../lambdas/pki/ocsp-response.ts';
import { RSA_BITS } from '../lambdas/pki/profile.ts';
import { buildServiceCertificate } from '../lambdas/pki/service-certificate.ts';
import { verifyRsaSha256 } from '../lambdas/pki/signature.ts';
import { benchAuthority, settings, signedBy, spki } from './harness/authority.ts';
import type { Bench, BenchContext, Report } from './harness/bench.ts';
import { load, requestReport } from './harness/load.ts';
import { certStatusOf, ocspRequests } from './harness/ocsp.ts';
import { processorTimeReport } from './harness/processor-time.ts';

const targetMilliseconds = 1;
const certificatesWanted = 20;
const warmUpRequests = 100;

/** What an OCSP answer costs: through the HTTP door, KMS included, and of this process alone. */
export const ocsp: Bench = {
  summary: 'OCSP answers per second, and the processor time of one, KMS excluded',
  run: async (context) => [await throughTheDoor(context), processorTime(context)],
};

async function throughTheDoor({ service, seconds, concurrency, signal }: BenchContext): Promise<Report> {
  const { certificates: active, issuingCertificate, askOcsp } = await service();
  const certificates = await active(certificatesWanted, { seconds, concurrency, signal });
  const requestAbout = ocspRequests(await issuingCertificate());
  const requests = certificates.map(({ serialNumber }) => requestAbout(serialNumber));
  const asking = (method: 'GET' | 'POST') => async (index: number) => {
    const status = certStatusOf(await askOcsp(method, requests[index % requests.length] ?? new Uint8Array()));
    if (status !== 'good') throw new Error(`OCSP says ${status} of a certificate that is active.`);
  };
  await load(asking('POST'), { seconds, concurrency, signal, maximum: warmUpRequests });
  const post = await load(asking('POST'), { seconds: seconds / 2, concurrency, signal });
  const get = await load(asking('GET'), { seconds: seconds / 2, concurrency, signal });
  return requestReport({ request: 'ocsp by POST', concurrency, measurement: post }, { request: 'ocsp by GET', concurrency, measurement: get });
}

/** The steps of answerOcsp (lambdas/authority/answer-ocsp.ts) between its call of the registry and its call of KMS, and after that. */
function processorTime(context: BenchContext): Report {
  const now = new Date();
  const authority = benchAuthority(now);
  const responderKey = generateKeyPairSync('rsa', { modulusLength: RSA_BITS.service });
  const certificate = buildServiceCertificate({
    role: 'ocsp', subject: { organization: 'Bench', commonName: 'Bench OCSP Responder' }, subjectPublicKeyInfoDer: spki(responderKey.publicKey), serialNumber: '02'.repeat(16), notBefore: now,
    issuerCertificateDer: authority.certificateDer, settings,
  });
  const responderCertificateDer = certificate.withSignature(signedBy(authority.key.privateKey, certificate));
  const publicKey = createPublicKey(responderKey.privateKey);
  const requestDer = ocspRequests(authority.certificateDer)('7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D');

  const parse = () => {
    const request = parseOcspRequest(requestDer);
    if ('malformed' in request) throw new Error(request.malformed);
    return request;
  };
  const build = ({ certIds, nonce }: ReturnType<typeof parse>) => buildOcspResponse({
    responderCertificateDer, producedAt: now, thisUpdate: now, nextUpdate: new Date(now.getTime() + 600_000), nonce,
    responses: certIds.map(({ der }) => ({ certIdDer: der, status: 'revoked', revocationTime: now, reasonCode: 1 })),
  });
  const verify = ({ tbsResponseDataDer }: UnsignedOcspResponse) => {
    if (!verifyRsaSha256(publicKey, tbsResponseDataDer, signature)) throw new Error('The signature of the answer the bench builds does not verify.');
  };
  const request = parse();
  const unsigned = build(request);
  // The bytes signed are the same every time, and so is the signature; KMS makes it in earnest.
  const signature = signedBy(responderKey.privateKey, unsigned);
  const steps: Readonly<Record<string, () => unknown>> = {
    'parse request': parse,
    'build answer': () => build(request),
    'verify signature': () => verify(unsigned),
    'assemble with signature': () => unsigned.withSignature(signature),
    'all of it': () => {
      const built = build(parse());
      verify(built);
      return built.withSignature(signature);
    },
  };
  return processorTimeReport('Processor time of one OCSP answer, warm', steps, { step: 'all of it', milliseconds: targetMilliseconds }, context);
}
