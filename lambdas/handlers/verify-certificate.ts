import { Refusal } from '../authority/errors.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { BadRequest } from '../http/problem.ts';
import { verificationResource } from '../http/resources.ts';
import { certificateIdOf, parseSerialNumber } from '../pki/serial-number.ts';
import { now, registry } from './services.ts';

export const handler = endpoint('verify-certificate', async ({ parameter }) => {
  const serialNumber = parseSerialNumber(parameter('serial'));
  if (serialNumber === undefined) {
    throw new BadRequest(400, 'INVALID_SERIAL_NUMBER', 'This is not a serial number. Send up to 32 hexadecimal digits, as `openssl x509 -noout -serial` prints them.');
  }
  const certificate = await registry().getCertificate(certificateIdOf(serialNumber));
  if (certificate === undefined) throw new Refusal('CERTIFICATE_NOT_FOUND', 'No certificate with this serial number was ever issued here. Do not trust whoever presents it.');
  const verification = verificationResource(certificate, now());
  return ok(verification, { 'cache-control': `public, max-age=${verification.valid ? 5 : 300}`, vary: 'Accept' });
});
