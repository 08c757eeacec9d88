import type { CertificateDescription } from '../../pki/certificate-description.ts';
import { distributionUrlOf, rootCrlUrl } from '../../pki/distribution-urls.ts';
import { wholeSeconds } from '../resources.ts';
import { facts, grouped } from './facts.ts';
import { foreign, html, type Html } from './html.ts';
import type { Verification } from './validity-bar.ts';
import { momentElement } from './words.ts';

export interface CertificateInWords {
  readonly serialNumber: string;
  readonly description: CertificateDescription;
  readonly certificatePem: string;
}

/** What the certificate itself says, and the certificate to take away. */
export function certificateInWords({ serialNumber, description, certificatePem }: CertificateInWords): Html {
  const { subject, issuer, notBefore, notAfter, subjectAltName, publicKeyAlgorithm, publicKeyBits, keyUsage, extKeyUsage, crlDistributionPoints, ocsp, fingerprintSha256 } = description;
  const texts = (values: readonly string[]) => (values.length === 0 ? undefined : values.map((value) => html`<p>${foreign(value)}</p>`));
  return html`<section>
<h2>The certificate</h2>
${facts([
    { name: 'Serial number', value: grouped(serialNumber, 4), exact: true },
    { name: 'Fingerprint, SHA-256', value: grouped(colonSeparated(fingerprintSha256), 24), exact: true },
    { name: 'Issuer', value: foreign(issuer) },
    { name: 'Subject', value: foreign(subject) },
    { name: 'Subject alternative name', value: texts(subjectAltName) },
    { name: 'Valid from', value: momentElement(wholeSeconds(notBefore.toISOString())) },
    { name: 'Valid until', value: momentElement(wholeSeconds(notAfter.toISOString())) },
    { name: 'Key', value: `${publicKeyAlgorithm}, ${publicKeyBits} bits` },
    { name: 'Usage', value: [...keyUsage, ...extKeyUsage].map((usage) => usageWords[usage] ?? usage).join(', ') },
    { name: 'Revocation list', value: texts(crlDistributionPoints) },
    { name: 'OCSP', value: texts(ocsp) },
  ])}
<div class="get">
<a class="button" download="${fileName(serialNumber)}" href="data:application/x-pem-file,${encodeURIComponent(certificatePem)}">Download the certificate</a>
<span class="label">PEM, ${fileName(serialNumber)}</span>
<details><summary>Show it as text</summary><pre class="pem"><code>${certificatePem}</code></pre></details>
</div>
</section>`;
}

/** The usages that this service certifies; any other stands under its own name. */
const usageWords: Readonly<Record<string, string>> = {
  digitalSignature: 'signing',
  clientAuth: 'authentication to servers',
  serverAuth: 'authentication to clients',
};

export interface WaysToCheck {
  readonly serialNumber: string;
  readonly description: CertificateDescription;
  /** With its base path. */
  readonly serviceUrl: string;
  readonly status: Verification['status'];
  /** Whether its time is over. */
  readonly isOver: boolean;
}

/** How to come to the same result without this page. */
export function waysToCheck({ serialNumber, description, serviceUrl, status, isOver }: WaysToCheck): Html {
  const { crlDistributionPoints: [crlUrl = ''], ocsp: [ocspUrl], caIssuers: [issuerUrl] } = description;
  const distributionUrl = distributionUrlOf(crlUrl);
  const file = fileName(serialNumber);
  const verify = (...revocation: readonly string[]) => ['openssl verify', ...(isOver ? ['-no_check_time'] : []), ...revocation, `-CAfile kakunin-ca.pem ${file}`].join(' ');
  const getAuthority = `curl -fsS ${serviceUrl}/ca -o kakunin-ca.pem`;
  return html`<section>
<h2>Check it yourself</h2>
<p>With curl and OpenSSL, from any machine, without an account.</p>
<ol class="steps">
<li><p>Ask for the state, as data for programs.</p>
${commands(`curl -fsS ${serviceUrl}/verify/${serialNumber}`)}</li>
${distributionUrl === undefined
    ? html`<li><p>Download the certificate above. Where it is saved, check that the authority signed it.</p>
${commands(getAuthority, verify())}
<p class="note">OpenSSL learns nothing of a revocation this way; step 1 tells.</p></li>`
    : html`<li><p>Download the certificate above. Where it is saved, check it against the authority and its revocation lists.</p>
${commands(
    getAuthority,
    `curl -fsS ${crlUrl} | openssl crl -inform DER -out kakunin-crl.pem`,
    `curl -fsS ${rootCrlUrl(distributionUrl)} | openssl crl -inform DER >> kakunin-crl.pem`,
    verify('-crl_check_all', '-CRLfile kakunin-crl.pem'),
  )}
<p class="note">${verdict(status, isOver)}</p></li>`}
${ocspUrl === undefined || issuerUrl === undefined ? undefined : html`<li><p>Or ask the authority’s OCSP responder, which knows of a revocation at once.</p>
${commands(
    `curl -fsS ${issuerUrl} | openssl x509 -inform DER -out kakunin-issuer.pem`,
    `openssl ocsp -issuer kakunin-issuer.pem -cert ${file} -url ${ocspUrl} -CAfile kakunin-ca.pem`,
  )}
<p class="note">It signs its answer: <code>${file}: ${status === 'revoked' ? 'revoked' : 'good'}</code>${isOver ? ', whatever the time' : ''}.</p></li>`}
<li><p>Compare the serial number and the fingerprint with those above.</p>
${commands(`openssl x509 -in ${file} -noout -serial -fingerprint -sha256`)}</li>
<li><p>Have the agent sign something that you chose.</p>
<p class="note">Anyone can quote a serial number. Only the agent it was issued to can sign with the certificate’s key.</p></li>
</ol>
</section>`;
}

/** What OpenSSL has to say. */
function verdict(status: Verification['status'], isOver: boolean): Html {
  if (isOver) return html`OpenSSL checks everything but the time this way. Without <code>-no_check_time</code> it says <code>certificate has expired</code>. Revocation lists leave out what has expired.`;
  return status === 'revoked'
    ? html`OpenSSL says <code>certificate revoked</code>. The list follows a revocation within seconds.`
    : html`OpenSSL says <code>OK</code> to what is genuine, in its time and not revoked.`;
}

/** Commands to copy, each in a line of its own, which breaks between its words where it has to. */
const commands = (...lines: readonly string[]): Html =>
  html`<pre><code>${lines.map((line) => html`<span class="line">${line.split(/( )/).map((word) => (/^\S{1,24}$/.test(word) ? html`<span>${word}</span>` : word))}
</span>`)}</code></pre>`;

const fileName = (serialNumber: string) => `kakunin-${serialNumber.slice(0, 8)}.pem`;

const colonSeparated = (hex: string) => hex.toUpperCase().replace(/..(?=.)/g, '$&:');
