import { Refusal } from '../authority/errors.ts';
import type { CrlStamp } from '../authority/ports.ts';
import type { Answer } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { preferredMediaType } from '../http/media-type.ts';
import { invalidRequest } from '../http/problem.ts';
import { completeCrlPath, completeCrlPemPath, distributedUrl } from '../pki/distribution-urls.ts';
import { published } from './distribution-services.ts';
import { environment } from './environment.ts';

const pathsOf = { 'application/x-pem-file': completeCrlPemPath, 'application/pkix-crl': completeCrlPath } as const;

/** A Lambda's answer holds 6 MB, bytes in base64: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const maximumBytes = 4 * 1024 * 1024;

export const handler = endpoint('get-crl', async ({ header, query }): Promise<Answer> => {
  const mediaType = preferredMediaType(header('accept'), ['application/x-pem-file', 'application/pkix-crl']);
  const generations = environment('issuingGenerations');
  const { generation = generations[0] } = query;
  if (!generations.includes(generation)) throw invalidRequest('query', [{ path: 'generation', message: `must be one of ${generations.join(', ')}` }]);
  const path = pathsOf[mediaType](generation);
  const head = await published().head(path);
  if (head?.crl !== undefined && head.contentLength > maximumBytes) {
    return { status: 307, headers: { ...headersOf(head.crl), location: distributedUrl(environment('distributionUrl'), path) }, body: '' };
  }
  const object = head && (await published().read(path));
  if (object?.crl === undefined) throw new Refusal('CA_NOT_INITIALISED', 'There is no CRL yet. Try again when the deployment has finished.');
  return { status: 200, headers: { ...headersOf(object.crl), 'content-type': mediaType }, body: object.body };
});

function headersOf({ thisUpdate, nextUpdate }: CrlStamp) {
  return { 'cache-control': 'public, max-age=60', vary: 'Accept', 'x-crl-generated-at': thisUpdate, 'x-crl-next-update': nextUpdate };
}
