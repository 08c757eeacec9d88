import { Logger } from '@aws-lambda-powertools/logger';
import { answerOcsp } from '../authority/answer-ocsp.ts';
import { rememberedOcspSigner } from '../authority/ocsp-signer.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import type { Answer } from '../http/answer.ts';
import { ocspAnswer } from '../http/ocsp.ts';
import { clock, issuingAuthority, once, registry } from './services.ts';

/* What the two OCSP handlers share. They need REGISTRY_TABLE; which key signs is in the registry. */

const logger = new Logger({ serviceName: 'kakunin' });

const ocspServices = once(() => ({
  registry: registry(),
  keys: keyUse(kms()),
  signer: rememberedOcspSigner({ registry: registry(), issuingAuthority: issuingAuthority(), clock }),
  clock,
}));

// Read while Lambda starts, so that not even the first request has to wait for it.
void (async () => ocspServices().signer.current())().catch(() => undefined);

/** Answers an OCSP request, and logs why where the answer is an error: HTTP has no status that would tell. */
export async function answering(requestDer: Uint8Array, requestId: string): Promise<Answer> {
  const answer = await answerOcsp(ocspServices(), requestDer);
  if (answer.status !== 'successful') {
    const line = { message: 'ocsp', request_id: requestId, ocsp_status: answer.status };
    if (answer.status === 'malformedRequest' || answer.status === 'unauthorized') logger.info({ ...line, reason: answer.cause });
    else logger.error(line, { error: answer.cause as Error });
  }
  return ocspAnswer(answer);
}
