import type { Certificate } from '../authority/certificate.ts';
import { lookUpCertificate } from '../authority/look-up-certificate.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { preferredMediaType } from '../http/media-type.ts';
import { BadRequest, problem } from '../http/problem.ts';
import { verificationResource } from '../http/resources.ts';
import { problemPage, verificationPage } from '../http/verification-page.ts';
import { certificateIdOf, parseSerialNumber } from '../pki/serial-number.ts';
import { issuingAuthorities, now as clock, registry } from './services.ts';

export const handler = endpoint('verify-certificate', async ({ parameter, header, requestId }) => {
  const forPeople = preferredMediaType(header('accept'), ['application/json', 'text/html']) === 'text/html';
  const serialNumber = parseSerialNumber(parameter('serial'));
  try {
    const certificate = await certificateWith(serialNumber);
    const now = clock();
    const verification = verificationResource(certificate, now);
    const headers = { 'cache-control': cacheControl(verification.valid), vary: 'Accept' };
    return forPeople ? verificationPage({ certificate, now, host: header('host') }, headers) : ok(verification, headers);
  } catch (error) {
    const answer = problem(error, requestId);
    // What is wrong on our side is the endpoint's to answer, since it logs the cause.
    if (!forPeople || answer.status >= 500) throw error;
    return problemPage(answer, { serialNumber, requestId });
  }
});

/**
 * What ended has ended for good. The rest is for the shared caches that would go on with what they have while the service cannot answer, as
 * CloudFront does (RFC 9111 §4.2.4, RFC 5861 §4): that a certificate held is not to be had longer than it may be true.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
 */
const cacheControl = (valid: boolean) => `public, max-age=${valid ? 5 : 300}, must-revalidate, stale-if-error=0`;

async function certificateWith(serialNumber: string | undefined): Promise<Certificate> {
  if (serialNumber === undefined) {
    throw new BadRequest(400, 'INVALID_SERIAL_NUMBER', 'This is not a serial number. Send up to 32 hexadecimal digits, as `openssl x509 -noout -serial` prints them.');
  }
  return lookUpCertificate({ registry: registry(), issuingAuthorities: issuingAuthorities() }, certificateIdOf(serialNumber));
}
