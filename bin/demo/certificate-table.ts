import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { renderTable } from '../admin/table.ts';

const minute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A certificate in words: a row for each thing it says, and where its private key is, which is nowhere in it. */
export function certificateTable(certificatePem: string, kmsKeyArn: string): string[] {
  const certificate = describeCertificate(pemToDer(certificatePem));
  const scope = Object.entries((certificate.financialScope ?? {}) as Record<string, unknown>);
  const may = (limit: unknown) => (Array.isArray(limit) ? limit.join(', ') : typeof limit === 'number' ? limit.toLocaleString('en-US') : String(limit));
  return renderTable([
    ['Subject', certificate.subject],
    ['Issuer', certificate.issuer],
    ['Serial', certificate.serialNumber],
    ['Valid', `${minute(certificate.notBefore)} to ${minute(certificate.notAfter)}`],
    ['Key', `${certificate.publicKeyAlgorithm} ${certificate.publicKeyBits}, for ${[...certificate.keyUsage, ...certificate.extKeyUsage].join(' and ')}`],
    ['SAN', certificate.subjectAltName.join(', ')],
    ['Model', certificate.model ?? '-'],
    ['Tenant', certificate.tenant ?? '-'],
    ['May', certificate.permittedActions.join(', ')],
    ...scope.map(([limit, value], index) => [index === 0 ? 'Within' : '', `${limit} ${may(value)}`]),
    ['SHA-256', certificate.fingerprintSha256],
    ['Private key', kmsKeyArn],
  ]);
}
