import type { Authority } from '../authority/ports.ts';
import { ok, type Answer } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { authorityResource } from '../http/authority-resource.ts';
import { preferredMediaType } from '../http/media-type.ts';
import { certificateBundlePkcs7, pemToDer } from '../pki/certificate.ts';
import { environment } from './environment.ts';
import { issuingAuthority, registry } from './services.ts';

const mediaTypes = ['application/x-pem-file', 'application/json', 'application/pkix-cert', 'application/pkcs7-mime'] as const;

// The CA certificates never change, but a day lets a mistake be mended.
const headers = { 'cache-control': 'public, max-age=86400', vary: 'Accept' };

export const handler = endpoint('get-authority', async ({ header }): Promise<Answer> => {
  const [, ...serving] = environment('issuingGenerations');
  const [issuing, root, attestation, ...others] = await Promise.all([
    issuingAuthority(), registry().getAuthority('root'), registry().getAuthority('attestation'), ...serving.map((generation) => registry().getAuthority('issuing', generation)),
  ]);
  const bundle = present(issuing, ...others, root);
  const mediaType = preferredMediaType(header('accept'), mediaTypes);
  const contentType = { ...headers, 'content-type': mediaType };
  switch (mediaType) {
    case 'application/json': return ok(authorityResource(bundle, present(attestation)), headers);
    // RFC 2585: a single certificate, the one that signs agents'. RFC 5280 §4.2.2.1: several go as a certs-only CMS message.
    case 'application/pkix-cert': return { status: 200, headers: contentType, body: pemToDer(issuing.certificatePem) };
    case 'application/pkcs7-mime': return { status: 200, headers: contentType, body: certificateBundlePkcs7(bundle.map(({ certificatePem }) => pemToDer(certificatePem))) };
    case 'application/x-pem-file': return { status: 200, headers: contentType, body: bundle.map(({ certificatePem }) => certificatePem).join('') };
  }
});

const present = (...authorities: readonly (Authority | undefined)[]): Authority[] => authorities.flatMap((authority) => authority ?? []);
