import type { Certificate } from '../authority/certificate.ts';
import type { ReasonCode } from '../authority/revocation-reasons.ts';
import { describeCertificate } from '../pki/certificate-description.ts';
import { pemToDer } from '../pki/pem.ts';
import { basePath } from '../routes.ts';
import type { Answer } from './answer.ts';
import { whatItMayDo, whoItIs } from './page/agent.ts';
import { certificateInWords, waysToCheck } from './page/certificate.ts';
import { pageAnswer, stateHeading, type Tone } from './page/document.ts';
import { grouped } from './page/facts.ts';
import { foreign, html, visible, type Html, type Part } from './page/html.ts';
import { isOver, validityBar, type Verification } from './page/validity-bar.ts';
import { dayElement, momentElement, timeBetween } from './page/words.ts';
import { verificationResource, wholeSeconds } from './resources.ts';

/*
 * What GET /v1/verify/{serial} answers to people: the same as to programs, in words. Whatever an operator wrote (names, actions,
 * reasons) goes through `foreign`, and stands below the state, never in its place.
 */

export interface VerificationPageRequest {
  readonly certificate: Certificate;
  /** ISO 8601 with milliseconds: the instant the page speaks of. */
  readonly now: string;
  /** The Host header the page was asked for under, for the commands. */
  readonly host: string | undefined;
}

/** The page of a certificate that was issued here, whatever has become of it. */
export function verificationPage({ certificate, now, host }: VerificationPageRequest, headers: Readonly<Record<string, string>>): Answer {
  const verification = verificationResource(certificate, now);
  const { status, serial_number: serialNumber, agent } = verification;
  const description = describeCertificate(pemToDer(certificate.certificatePem));
  return pageAnswer({
    status: 200,
    tone: status,
    title: `${words[status].state}: \u2068${visible(agent.name)}\u2069 · Kakunin`,
    main: html`<div class="state">
${stateHeading(status, words[status].state)}
<p class="lead">${words[status].lead(verification, now)}</p>
${status === 'revoked' ? whyRevoked(certificate) : undefined}
<div class="who"><p class="label">Agent</p>
<p class="name${agent.name.length > 48 ? ' long' : ''}">${foreign(agent.name)}</p>
${agent.operator_org === null ? undefined : html`<p>operated by ${foreign(agent.operator_org)}</p>`}</div>
${validityBar(verification, now)}
<p class="checked">Checked ${momentElement(wholeSeconds(now))}. <span>Reload the page to check again.</span></p>
</div>
${whoItIs(verification)}
${whatItMayDo(verification)}
${certificateInWords({ serialNumber, description, certificatePem: certificate.certificatePem })}
${waysToCheck({ serialNumber, description, serviceUrl: serviceUrl(host), status, isOver: isOver(verification, now) })}`,
    footer: html`<p>Anyone can copy a page like this one. Make sure that its address is the service’s, or run the commands above.</p>`,
  }, headers);
}

/** The page of a request that got no certificate: never issued, or not a serial number. */
export function problemPage({ status, body }: Answer, { serialNumber, requestId }: { readonly serialNumber: string | undefined; readonly requestId: string }): Answer {
  const { error } = body as { error: string };
  const tone: Tone = status === 404 ? 'never-issued' : 'unclear';
  const state = status === 404 ? 'Never issued' : 'Not a serial number';
  return pageAnswer({
    status,
    tone,
    title: `${state} · Kakunin`,
    main: html`<div class="state">
${stateHeading(tone, state)}
<p class="lead">${withCode(error)}</p>
${serialNumber === undefined ? undefined : html`<div class="who"><p class="label">Serial number asked for</p><p class="exact">${grouped(serialNumber, 4)}</p>
<p class="label">If somebody typed it, compare every digit first.</p></div>`}
</div>`,
    footer: html`<p>Request ${requestId}</p>`,
  });
}

const words: Readonly<Record<Verification['status'], { readonly state: string; readonly lead: (verification: Verification, now: string) => Html }>> = {
  active: {
    state: 'Valid',
    lead: ({ expires_at }, now) => html`The certificate holds now, and for another ${timeBetween(now, expires_at)} unless it is revoked.`,
  },
  revoked: {
    state: 'Revoked',
    lead: ({ revoked_at }, now) => revoked_at === null
      ? html`Do not trust this certificate. Its revocation is final.`
      : html`Do not trust this certificate. It was revoked for good on ${momentElement(revoked_at)}, ${timeBetween(revoked_at, now)} ago.`,
  },
  expired: {
    state: 'Expired',
    lead: ({ expires_at }, now) => html`Do not rely on this certificate any more. It ended on ${dayElement(expires_at)}, ${timeBetween(expires_at, now)} ago.`,
  },
};

/** The RFC's reasons in everybody's words; `unspecified` says nothing. */
const reasonWords: Readonly<Partial<Record<ReasonCode, string>>> = {
  keyCompromise: 'its key may be in other hands',
  cACompromise: 'the authority’s key may be in other hands',
  affiliationChanged: 'what it says of the agent is no longer so',
  superseded: 'a newer certificate took its place',
  cessationOfOperation: 'the agent was taken out of service',
  certificateHold: 'it was put on hold',
  privilegeWithdrawn: 'the agent lost its permission',
  aACompromise: 'the attribute authority’s key may be in other hands',
};

function whyRevoked({ revocationReason, reasonCode }: Certificate): Html {
  const meaning = reasonCode && reasonWords[reasonCode];
  return html`<div class="why"><p class="label">Reason given</p>
<blockquote>${revocationReason === undefined ? 'None' : foreign(revocationReason)}</blockquote>
${meaning === undefined ? undefined : html`<p class="label"><code>${reasonCode}</code>: ${meaning}</p>`}</div>`;
}

// A name or an address with a port: what stands in a command must mean nothing to a shell.
const hostName = /^(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::[0-9]+)?$/i;
const loopback = /^(?:localhost|127(?:\.[0-9]+){3}|\[::1\])(?::|$)/i;

/** Where the reader found the service, with its base path. Only on this machine is it without TLS. */
function serviceUrl(host: string | undefined): string {
  const name = host !== undefined && hostName.test(host) ? host.toLowerCase() : 'kakunin.example';
  return `${loopback.test(name) ? 'http' : 'https'}://${name}${basePath}`;
}

/** A message of ours with what stands between backticks as code. */
const withCode = (message: string): Part => message.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
