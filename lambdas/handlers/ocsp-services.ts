import { answerOcsp } from '../authority/answer-ocsp.ts';
import { rememberedOcspSigner, type RememberedOcspSigner } from '../authority/ocsp-signer.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import type { Answer } from '../http/answer.ts';
import { ocspAnswer } from '../http/ocsp.ts';
import { log } from '../log.ts';
import { environment } from './environment.ts';
import { clock, issuingAuthorities, registry } from './services.ts';

/* What the two OCSP handlers share. They need REGISTRY_TABLE and ISSUING_GENERATIONS; which key signs is in the registry. */

const signers = new Map<number, RememberedOcspSigner>();

function signerOf(generation: number): RememberedOcspSigner {
  const signer = signers.get(generation) ?? rememberedOcspSigner({ registry: registry(), issuingAuthorities: issuingAuthorities(), generation, clock });
  signers.set(generation, signer);
  return signer;
}

const ocspServices = () => ({
  registry: registry(),
  issuingAuthorities: issuingAuthorities(),
  keys: keyUse(kms()),
  signers: environment('issuingGenerations').map(signerOf),
  clock,
});

// Read while Lambda starts, so that not even the first request has to wait for it.
void (async () => Promise.all(ocspServices().signers.map((signer) => signer.current())))().catch(() => undefined);

/** Answers an OCSP request, and logs why where the answer is an error: HTTP has no status that would tell. */
export async function answering(requestDer: Uint8Array): Promise<Answer> {
  const answer = await answerOcsp(ocspServices(), requestDer);
  if (answer.status !== 'successful') {
    const fields = { ocsp_status: answer.status };
    if (answer.status === 'malformedRequest' || answer.status === 'unauthorized') log.info('ocsp', { ...fields, reason: answer.cause });
    else log.error('ocsp', answer.cause, fields);
  }
  return ocspAnswer(answer);
}
