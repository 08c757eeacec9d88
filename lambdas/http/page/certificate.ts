import type { CertificateDescription } from '../../pki/certificate-description.ts';
import { facts, grouped } from './facts.ts';
import { foreign, html, type Html } from './html.ts';

export interface CertificateInWords {
  readonly serialNumber: string;
  readonly description: CertificateDescription;
  readonly certificatePem: string;
}

/** What the certificate itself says, and the certificate to take away. */
export function certificateInWords({ serialNumber, description, certificatePem }: CertificateInWords): Html {
  const { subject, issuer, subjectAltName, publicKeyAlgorithm, publicKeyBits, keyUsage, extKeyUsage, crlDistributionPoints, ocsp, fingerprintSha256 } = description;
  const texts = (values: readonly string[]) => (values.length === 0 ? undefined : values.map((value) => html`<p>${foreign(value)}</p>`));
  return html`<section>
<h2>The certificate</h2>
${facts([
    { name: 'Serial number', value: grouped(serialNumber, 4), exact: true },
    { name: 'Fingerprint, SHA-256', value: grouped(colonSeparated(fingerprintSha256), 24), exact: true },
    { name: 'Issuer', value: foreign(issuer) },
    { name: 'Subject', value: foreign(subject) },
    { name: 'Subject alternative name', value: texts(subjectAltName) },
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
  /** With its base path. */
  readonly serviceUrl: string;
  /** Whether its time is over. */
  readonly isOver: boolean;
}

/** How to come to the same result without this page. */
export function waysToCheck({ serialNumber, serviceUrl, isOver }: WaysToCheck): Html {
  const file = fileName(serialNumber);
  return html`<section>
<h2>Check it yourself</h2>
<p>With curl and OpenSSL, from any machine, without an account.</p>
<ol class="steps">
<li><p>Ask for the state, as data for programs.</p>
${commands(`curl -fsS ${serviceUrl}/verify/${serialNumber}`)}</li>
<li><p>Download the certificate above. Where it is saved, check that the authority signed it.</p>
${commands(`curl -fsS ${serviceUrl}/ca -o kakunin-ca.pem`, `openssl verify ${isOver ? '-no_check_time ' : ''}-CAfile kakunin-ca.pem ${file}`)}
<p class="note">${isOver ? 'Without -no_check_time OpenSSL adds that it has expired.' : 'OpenSSL says OK to what is genuine and in its time.'} It learns nothing of a revocation this way; step 1 tells.</p></li>
<li><p>Compare the serial number and the fingerprint with those above.</p>
${commands(`openssl x509 -in ${file} -noout -serial -fingerprint -sha256`)}</li>
<li><p>Have the agent sign something that you chose.</p>
<p class="note">Anyone can quote a serial number. Only the agent it was issued to can sign with the certificate’s key.</p></li>
</ol>
</section>`;
}

/** Commands to copy, which break between their words where they have to. */
const commands = (...lines: readonly string[]): Html =>
  html`<pre><code>${lines.join('\n').split(/(\s)/).map((word) => (/^\S{1,24}$/.test(word) ? html`<span>${word}</span>` : word))}</code></pre>`;

const fileName = (serialNumber: string) => `kakunin-${serialNumber.slice(0, 8)}.pem`;

const colonSeparated = (hex: string) => hex.toUpperCase().replace(/..(?=.)/g, '$&:');
