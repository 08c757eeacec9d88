import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseCrl } from '../../lambdas/pki/crl.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import {
  gnutlsVerdicts, hasCerttool, hasNss, nssVerdicts, opensslVerdicts, readOpensslVerdicts, skippedWithoutCerttool, skippedWithoutNss,
} from '../support/crl-verifiers.ts';
import { crlPems, download, downloadCrls, downloadIssuers } from '../support/distribution.ts';
import { keyPool } from '../support/key-pool.ts';
import { runClientWithFiles } from '../support/openssl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// Certificates that the service issued, judged by other people's software with what it downloads from the URLs in them.

const certificatesOfEach = 200;
const reasonCodes = ['keyCompromise', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn', 'unspecified'];

let runtime: TestRuntime;
let active: Record<string, string>;
let revoked: Record<string, string>;
let root: string;
let issuing: string;
let rootCrl: Uint8Array;
let shardCrls: Map<string, Uint8Array>;

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  const certificates = await inTurn(2 * certificatesOfEach, async () => (await certifiedAgent(runtime.call)).certificate);
  // Which of them is left to chance, as their serial numbers are.
  const [toRevoke, others] = [certificates.slice(0, certificatesOfEach), certificates.slice(certificatesOfEach)];
  await inTurn(toRevoke.length, (index) => revoke(runtime.call, toRevoke[index].id, { body: { reason: 'Test', reason_code: reasonCodes[index % reasonCodes.length] } }));
  await runtime.idle();
  const pems = (list: typeof certificates): Record<string, string> => Object.fromEntries(list.map(({ serial_number: serialNumber, certificate_pem: pem }) => [serialNumber, pem]));
  active = pems(others);
  revoked = pems(toRevoke);
  const [anyLeaf = ''] = Object.values(active);
  ({ root, issuing } = await downloadIssuers(anyLeaf));
  shardCrls = await downloadCrls([...Object.values(active), ...Object.values(revoked)]);
  [rootCrl = new Uint8Array()] = (await downloadCrls([issuing])).values();
}, 240_000);
afterAll(() => runtime.stop());

/** Eight at a time. */
async function inTurn<Result>(count: number, act: (index: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await act(index);
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return results;
}

const chainWith = (crls: Iterable<Uint8Array>) => ({ root, issuing, crls: crlPems([rootCrl, ...crls]) });
const allOf = (leaves: Readonly<Record<string, string>>, verdict: unknown) => Object.fromEntries(Object.keys(leaves).map((name) => [name, verdict]));
const some = (leaves: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(leaves).slice(0, 3));
const completeCrl = () => download(`${runtime.distributionUrl}/crl/complete.crl`);

describe(`openssl, of ${certificatesOfEach} active and ${certificatesOfEach} revoked certificates`, () => {
  test('tells one from the other by the CRLs that they name', () => {
    const chain = chainWith(shardCrls.values());
    expect(opensslVerdicts(active, chain)).toEqual(allOf(active, 'OK'));
    expect(opensslVerdicts(revoked, chain)).toEqual(allOf(revoked, 'certificate revoked'));
  });

  test('tells one from the other by the complete CRL', async () => {
    const chain = chainWith([await completeCrl()]);
    expect(opensslVerdicts(active, chain)).toEqual(allOf(active, 'OK'));
    expect(opensslVerdicts(revoked, chain)).toEqual(allOf(revoked, 'certificate revoked'));
  });

  test('accepts none without a CRL', () => {
    expect(opensslVerdicts(some(active), { root, issuing, crls: crlPems([rootCrl]) })).toEqual(allOf(some(active), 'unable to get certificate CRL'));
  });

  // Of the root itself, which names no CRL, -crl_check_all wants one as well: so that one is given, and the leaf's is downloaded.
  test.each([[['-crl_check']], [['-crl_check_all', '-CRLfile', 'crls']]])('downloads the CRL that a certificate names by itself: %j', async (check) => {
    const verify = async (leaves: Readonly<Record<string, string>>) => {
      const names = Object.keys(leaves);
      // Past any proxy, which openssl takes from the environment.
      const command = ['-u', 'http_proxy', 'openssl', 'verify', '-x509_strict', '-crl_download', ...check, '-CAfile', 'root', '-untrusted', 'issuing', ...names];
      const { stdout, stderr } = await runClientWithFiles('env', command, { ...leaves, ...chainWith([]) });
      return readOpensslVerdicts(names, stdout, stderr);
    };
    expect(await verify(some(active))).toEqual(allOf(some(active), 'OK'));
    expect(await verify(some(revoked))).toEqual(allOf(some(revoked), 'certificate revoked'));
  });
});

test('Each shard’s CRL lists the revoked certificates that name it, the complete one all of them', async () => {
  const listed = (der: Uint8Array) => [...parseCrl(der).revokedCertificates()].map(({ serialNumber }) => serialNumber);
  expect([...shardCrls.values()].flatMap(listed).sort()).toEqual(Object.keys(revoked).sort());
  expect(listed(await completeCrl()).sort()).toEqual(Object.keys(revoked).sort());
  for (const [url, der] of shardCrls) expect(parseCrl(der).issuingDistributionPoint).toBe(url);
  expect(shardCrls.size).toBeGreaterThan(1);
});

(hasCerttool ? test : test.skip)(`GnuTLS agrees, by the complete CRL and by the one that a certificate names${skippedWithoutCerttool}`, async () => {
  // It keeps one CRL for an issuer, whatever the CRLs are about, so it must not be given several.
  const complete = await completeCrl();
  const [itsActive, itsRevoked] = [expect.stringMatching(/^Verified\./), expect.stringContaining('The certificate chain is revoked.')];
  expect(gnutlsVerdicts(some(active), chainWith([complete]))).toEqual(allOf(some(active), itsActive));
  expect(gnutlsVerdicts(some(revoked), chainWith([complete]))).toEqual(allOf(some(revoked), itsRevoked));
  for (const [leaves, verdict] of [[some(active), itsActive], [some(revoked), itsRevoked]] as const) {
    for (const [name, pem] of Object.entries(leaves)) expect(gnutlsVerdicts({ [name]: pem }, chainWith((await downloadCrls([pem])).values()))).toEqual({ [name]: verdict });
  }
});

(hasNss ? test : test.skip)(`NSS agrees, by the complete CRL${skippedWithoutNss}`, async () => {
  expect(nssVerdicts({ ...some(active), ...some(revoked) }, { root, issuing, crlDers: [await completeCrl()] })).toEqual({
    crls: ['imported'], verdicts: { ...allOf(some(active), 'valid'), ...allOf(some(revoked), "Peer's Certificate has been revoked.") },
  });
});
