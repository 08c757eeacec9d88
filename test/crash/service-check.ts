import { createHash, verify, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { certStatusOf, ocspRequests } from '../../bench/harness/ocsp.ts';
import { sideBySide, valuesOf } from '../../lambdas/authority/side-by-side.ts';
import { parseCrl } from '../../lambdas/pki/crl.ts';
import { canonicalJson } from '../../lambdas/pki/canonical-json.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { download } from '../support/distribution.ts';
import { deedsByAgent, fateOf, issuedCertificates, type Fate, type IssuedCertificate } from './expectations.ts';
import { dataOf, isDone, isInProgress, type Deed } from './history.ts';
import { send } from './load.ts';
import type { Service } from './service.ts';

/* Whether the service says of what it has answered what it must say: to who asks it, to who reads OCSP and CRLs, and to who repeats a request. */

/** How long what follows from a risk or a revocation may take, once the service is there again. */
const soonMilliseconds = 30_000;
const atOnce = 8;

/** @returns a sentence for each certificate about which the service, OCSP or, within seconds, the CRL say something else than they must. */
export async function certificateProblems(service: Service, deeds: readonly Deed[], concerned: readonly IssuedCertificate[]): Promise<string[]> {
  const byAgent = deedsByAgent(deeds);
  const issuing = (await service.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } })).body.data.certificates[0].certificate_pem as string;
  const requestAbout = ocspRequests(pemToDer(issuing));
  const crlSays = crlReader(service);
  const deadline = performance.now() + soonMilliseconds;

  async function problemOf(certificate: IssuedCertificate): Promise<string[]> {
    const { id, serial, agentId, keyArn, pem } = certificate;
    const fate: Fate = fateOf(certificate, byAgent.get(agentId) ?? []);
    const told = async () => (await service.call('GET', `/verify/${serial}`, { key: null })).body.data?.status as string | undefined;
    if (fate === 'either') return [];
    if (fate === 'active') {
      const said = { 'the service': await told(), 'OCSP': await ocspStatus(service, requestAbout(serial)), 'its key': await isUsable(service, keyArn, pem) };
      return isDeepStrictEqual(said, { 'the service': 'active', 'OCSP': 'good', 'its key': 'usable' }) ? [] : [`Certificate ${id} must be active: ${JSON.stringify(said)}.`];
    }
    while (fate === 'revoked soon' && (await told()) !== 'revoked' && performance.now() < deadline) await sleep(100);
    const said = { 'the service': await told(), 'OCSP': await ocspStatus(service, requestAbout(serial)), 'the CRL': await crlSays(serial, deadline) };
    return isDeepStrictEqual(said, { 'the service': 'revoked', 'OCSP': 'revoked', 'the CRL': 'revoked' }) ? [] : [`Certificate ${id} must be ${fate}: ${JSON.stringify(said)}.`];
  }
  return valuesOf(await sideBySide(concerned, atOnce, problemOf)).flat();
}

async function ocspStatus({ distributionUrl }: Service, request: Uint8Array): Promise<string> {
  const response = await fetch(`${distributionUrl}/ocsp`, { method: 'POST', headers: { 'content-type': 'application/ocsp-request' }, body: Buffer.from(request) });
  return certStatusOf(new Uint8Array(await response.arrayBuffer()));
}

async function isUsable({ aftermath }: Service, keyArn: string, pem: string): Promise<string> {
  const digest = createHash('sha256').update('anything').digest();
  try {
    return verify('sha256', Buffer.from('anything'), new X509Certificate(pem).publicKey, await aftermath.sign(keyArn, digest)) ? 'usable' : 'another';
  } catch (error) {
    return (error as Error).name;
  }
}

/** Reads the complete CRL again, for all who ask at once, until it names the serial number or the time is over. */
function crlReader({ distributionUrl }: Service) {
  let reading: Promise<Set<string>> | undefined;
  const read = () => (reading ??= download(`${distributionUrl}/crl/complete.crl`)
    .then((der) => new Set([...parseCrl(der).revokedCertificates()].map(({ serialNumber }) => serialNumber.toLowerCase())))
    .finally(() => setTimeout(() => (reading = undefined), 250)));
  return async (serial: string, deadline: number) => {
    for (;;) {
      if ((await read()).has(serial.toLowerCase())) return 'revoked';
      if (performance.now() > deadline) return 'silent';
      await sleep(250);
    }
  };
}

/** Those of the signatures that are not what the certificate's key makes of the payload. */
export function signatureProblems(deeds: readonly Deed[]): string[] {
  const pems = new Map(issuedCertificates(deeds).map(({ serial, pem }) => [serial, pem]));
  return deeds.filter((deed) => deed.kind === 'sign' && isDone(deed)).flatMap((deed) => {
    const { signature, certificate_serial: serial } = dataOf(deed);
    const pem = pems.get(serial);
    // That of a certificate whose request was not answered, which the table knows of.
    if (pem === undefined) return [];
    const { payload } = deed.body as { payload: object };
    return verify('sha256', canonicalJson(payload), new X509Certificate(pem).publicKey, Buffer.from(signature, 'base64')) ? [] : [`A signature under certificate ${serial} is not one of its key.`];
  });
}

export interface Repetition {
  /** How many were answered as they were the first time. */
  readonly same: number;
  /** How many are said to be running still. */
  readonly unkept: number;
  readonly problems: readonly string[];
}

/**
 * Repeats, under their keys, what was answered that it is done.
 * @param mayBeUnkept whether the database was gone before the service was, which may then have answered for work whose answer it could
 *   not keep any more
 */
export async function repeatAnswered(service: Service, deeds: readonly Deed[], mayBeUnkept: boolean): Promise<Repetition> {
  const answered = deeds.filter((deed) => deed.key !== undefined && isDone(deed) && deed.isUnkept !== true);
  const outcomes = valuesOf(await sideBySide(answered, atOnce, async (deed) => {
    const again = await send(service, deed);
    if (mayBeUnkept && isInProgress(again)) {
      deed.isUnkept = true;
      return 'unkept' as const;
    }
    if (again.status === deed.reply?.status && isDeepStrictEqual(again.body, deed.reply.body)) return 'same' as const;
    return `${deed.method} ${deed.path} (${deed.kind}) under its key was answered ${deed.reply?.status} ${JSON.stringify(deed.reply?.body)}, and then ${again.status} ${JSON.stringify(again.body)}.`;
  }));
  const problems = outcomes.filter((outcome) => outcome !== 'same' && outcome !== 'unkept');
  return { same: outcomes.filter((outcome) => outcome === 'same').length, unkept: outcomes.filter((outcome) => outcome === 'unkept').length, problems };
}
