import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { readSignedCertificate } from '../../lambdas/pki/certificate-reader.ts';
import { decodeRevokedCertificate } from '../../lambdas/pki/crl-entry.ts';
import { parseCrl, readSignedCrl } from '../../lambdas/pki/crl-reader.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';
import { parseOcspRequest } from '../../lambdas/pki/ocsp-request.ts';
import { readTbsOfCertificate } from '../../lambdas/pki/tbs-certificate.ts';
import { readCertificate } from '../../verify/certificate.ts';
import { readTrust } from '../../verify/index.ts';
import { bombs } from './bombs.ts';

// A process of its own in which one of the bombs is read by every reader: `node --import tsx test/pki/bomb-reading.ts <bomb>`. Prints
// the megabytes by which the most that it has ever had grew; what it had before, the modules, is no reader's.

const readers: readonly ((der: Uint8Array) => unknown)[] = [
  readDer, readSignedCertificate, readTbsOfCertificate, readCertificate, describeCertificate, readSignedCrl, (der) => [...parseCrl(der).revokedCertificates()], decodeRevokedCertificate, parseOcspRequest,
  (der) => readTrust({ authorities: der, crls: [der] }),
];

const peakMegabytes = () => process.resourceUsage().maxRSS / 1024;

const octets = bombs[process.argv[2] ?? '']?.();
if (octets === undefined) throw new Error(`There is no bomb of that name, but: ${Object.keys(bombs).join(', ')}.`);
const before = peakMegabytes();
for (const read of readers) {
  try {
    read(octets);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
  }
}
process.stdout.write(String(peakMegabytes() - before));
