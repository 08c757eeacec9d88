import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { type CrlRequest, crlToPem, encodeRevokedCertificate } from '../../lambdas/pki/crl.ts';
import { crlShardUrl } from '../../lambdas/pki/distribution-urls.ts';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import { gnutlsVerdicts, hasCerttool, hasNss, nssVerdicts, skippedWithoutCerttool, skippedWithoutNss } from '../support/crl-verifiers.ts';
import { isInstalled, openssl, runWithFiles, type ToolResult } from '../support/openssl.ts';
import { agentCertificate, distributed, issuingSerialNumber, rsaKey, signed, type TestAuthority, type TestKey } from './authority-fixture.ts';
import { serialNumbers, signedCrl, smallAuthority } from './revocation-fixture.ts';

// CRLs signed with real keys, judged by other people's software. Some of it knows no other time than the clock's, so
// everything here is valid today.
const DAY_MILLISECONDS = 86_400_000;
const now = Date.now();
const yesterday = new Date(now - DAY_MILLISECONDS);
const tomorrow = new Date(now + DAY_MILLISECONDS);

const SHARD = 3;
const revokedSerials = serialNumbers(200, 'revoked');
const activeSerials = serialNumbers(200, 'active');
const REASONS = [0, 1, 2, 3, 4, 5, 9, 10];

let authority: TestAuthority;
let key: TestKey;
let files: Record<string, string | Uint8Array>;

beforeAll(() => {
  authority = smallAuthority(yesterday);
  key = rsaKey(2048);
  const entries = revokedSerials.map((serialNumber, index) =>
    encodeRevokedCertificate({ serialNumber, revocationDate: yesterday, reasonCode: REASONS[index % REASONS.length] ?? 0 }),
  );
  const issuingEntry = encodeRevokedCertificate({ serialNumber: issuingSerialNumber, revocationDate: yesterday, reasonCode: 2 });
  const issuingDistributionPoint = crlShardUrl(distributed.distributionUrl ?? '', SHARD);
  const crl = (changes: Partial<CrlRequest>): Uint8Array => signedCrl(authority, { thisUpdate: yesterday, nextUpdate: tomorrow, ...changes });
  const rootCrl = (changes: Partial<CrlRequest>): Uint8Array =>
    signedCrl(authority, { thisUpdate: yesterday, nextUpdate: tomorrow, issuerCertificateDer: authority.rootCertificateDer, ...changes }, authority.rootKey);
  const complete = crl({ entries, crlNumber: 7n });
  files = {
    'root.pem': certificateToPem(authority.rootCertificateDer),
    'issuing.pem': certificateToPem(authority.issuingCertificateDer),
    'root.crl': crlToPem(rootCrl({})),
    'root-revokes.crl': crlToPem(rootCrl({ entries: [issuingEntry] })),
    'complete.crl': crlToPem(complete),
    'complete.der': complete,
    'empty.crl': crlToPem(crl({})),
    'shard.crl': crlToPem(crl({ entries, crlNumber: 8n, issuingDistributionPoint })),
    'shard.der': crl({ entries, issuingDistributionPoint }),
    'empty-shard.crl': crlToPem(crl({ issuingDistributionPoint })),
    ...leaves('revoked', revokedSerials, SHARD),
    ...leaves('active', activeSerials, SHARD),
    ...leaves('elsewhere', activeSerials.slice(7, 8), SHARD + 1),
  };
});

/** The certificates of the first three serial numbers. */
function leaves(name: string, serials: readonly string[], crlShard: number): Record<string, string> {
  const certificates = serials.slice(0, 3).map((serialNumber) =>
    signed(agentCertificate(authority, key, { certificateId: certificateIdOf(serialNumber), settings: distributed, crlShard, notBefore: yesterday }), authority.issuingKey),
  );
  return Object.fromEntries(certificates.map((der, index) => [`${name}-${index}.pem`, certificateToPem(der)]));
}

const active = ['active-0.pem', 'active-1.pem', 'active-2.pem'];
const revoked = ['revoked-0.pem', 'revoked-1.pem', 'revoked-2.pem'];
const allOk = active.map((name) => `${name}: OK\n`).join('');

describe('openssl', () => {
  const verify = (crl: string, leafNames: readonly string[], { rootCrl = 'root.crl', options = [] as string[] } = {}): ToolResult =>
    openssl(['verify', '-x509_strict', '-crl_check_all', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', '-CRLfile', rootCrl, '-CRLfile', crl, ...options, ...leafNames], files);

  it.each(['complete.crl', 'empty.crl', 'shard.crl', 'empty-shard.crl'])('verifies the signature of %s', (crl) => {
    expect(openssl(['crl', '-in', crl, '-verify', '-CAfile', 'issuing.pem', '-noout'], files)).toMatchObject({ status: 0, stderr: expect.stringContaining('verify OK') });
  });

  it.each([['complete.crl'], ['shard.crl'], ['complete.crl', '-extended_crl'], ['shard.crl', '-extended_crl']])(
    'tells active from revoked by %s, strictly and along the whole chain %s',
    (crl, ...options) => {
      expect(verify(crl, active, { options })).toMatchObject({ status: 0, stdout: allOk });
      const { status, stdout, stderr } = verify(crl, revoked, { options });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr.match(/error 23 at 0 depth lookup: certificate revoked/g)).toHaveLength(3);
    },
  );

  it.each(['empty.crl', 'empty-shard.crl'])('accepts %s', (crl) => {
    expect(verify(crl, active)).toMatchObject({ status: 0, stdout: allOk });
  });

  it('does not take one shard’s CRL for another shard’s certificate', () => {
    for (const options of [[], ['-extended_crl']]) {
      const { status, stdout, stderr } = verify('shard.crl', ['elsewhere-0.pem'], { options });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain('error 44 at 0 depth lookup: different CRL scope');
    }
    expect(verify('complete.crl', ['elsewhere-0.pem'])).toMatchObject({ status: 0 });
  });

  it('does not take the root’s CRL for the issuing CA’s', () => {
    expect(verify('root.crl', active)).toMatchObject({ status: 2, stderr: expect.stringContaining('unable to get certificate CRL') });
  });

  it('refuses the chain once the root has revoked the issuing CA', () => {
    const { status, stderr } = verify('complete.crl', ['active-0.pem'], { rootCrl: 'root-revokes.crl' });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('error 23 at 1 depth lookup: certificate revoked') });
  });

  it('refuses the CRL after nextUpdate', () => {
    const options = ['-attime', String(Math.floor(tomorrow.getTime() / 1000) + 1)];
    expect(verify('complete.crl', active, { options })).toMatchObject({ status: 2, stderr: expect.stringContaining('CRL has expired') });
  });

  it('lists every serial number and reason, and nothing else', () => {
    const { stdout } = openssl(['crl', '-in', 'complete.crl', '-noout', '-text'], files);
    expect([...stdout.matchAll(/Serial Number: ([0-9A-F]+)\n/g)].map(([, serial]) => serial)).toEqual(revokedSerials);
    const dates = [...stdout.matchAll(/Revocation Date: (.*)\n/g)].map(([, date]) => Date.parse(date ?? ''));
    expect(new Set(dates)).toEqual(new Set([Math.floor(yesterday.getTime() / 1000) * 1000]));
    expect(stdout.match(/X509v3 CRL Reason Code:/g)).toHaveLength(175); // 200 without the 25 unspecified
    expect(stdout).toContain('Version 2 (0x1)');
    expect(stdout).toMatch(/X509v3 CRL Number: \s+7\n/);
    expect(stdout).not.toContain('Issuing Distribution Point');
    expect(openssl(['crl', '-in', 'shard.crl', '-noout', '-text'], files).stdout).toMatch(
      /X509v3 Issuing Distribution Point: critical\s+Full Name:\s+URI:http:\/\/pki\.example\.com\/kakunin\/crl\/shard-3\.crl\n/,
    );
  });
});

const pem = (...names: readonly string[]): string => names.map((name) => Buffer.from(files[name] ?? '').toString()).join('');
const pems = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, pem(name)]));
const [activeOne = '', revokedOne = ''] = [active[0], revoked[0]];

// Not every machine has what follows; the skipped test's name says so.
(hasCerttool ? it : it.skip)(`GnuTLS tells active from revoked${skippedWithoutCerttool}`, () => {
  for (const crl of ['complete.crl', 'shard.crl']) {
    expect(runWithFiles('certtool', ['--verify-crl', '--load-ca-certificate', 'issuing.pem', '--infile', crl], files)).toMatchObject({ status: 0, stdout: expect.stringContaining('Verified.') });
    expect(gnutlsVerdicts(pems([activeOne, revokedOne]), { root: pem('root.pem'), issuing: pem('issuing.pem'), crls: pem('root.crl', crl) })).toEqual({
      [activeOne]: expect.stringMatching(/^Verified\./), [revokedOne]: expect.stringContaining('The certificate chain is revoked.'),
    });
  }
});

(hasNss ? it : it.skip)(`NSS tells active from revoked by the complete CRL, and knows no distribution points${skippedWithoutNss}`, () => {
  const crlDers = ['shard.der', 'complete.der'].map((name) => Buffer.from(files[name] ?? ''));
  expect(nssVerdicts(pems([activeOne, revokedOne]), { root: pem('root.pem'), issuing: pem('issuing.pem'), crlDers })).toEqual({
    crls: ['SEC_ERROR_CRL_UNKNOWN_CRITICAL_EXTENSION', 'imported'],
    verdicts: { [activeOne]: 'valid', [revokedOne]: "Peer's Certificate has been revoked." },
  });
});

const hasGo = isInstalled('go', 'version');
(hasGo ? it : it.skip)(`Go reads every entry${hasGo ? '' : ' (skipped: go is not installed)'}`, () => {
  const program = `package main
import ("crypto/x509"; "encoding/pem"; "fmt"; "os")
func read(name string) []byte {
  text, err := os.ReadFile(name); if err != nil { panic(err) }
  block, _ := pem.Decode(text)
  return block.Bytes
}
func main() {
  issuer, err := x509.ParseCertificate(read("issuing.pem")); if err != nil { panic(err) }
  for _, name := range []string{"complete.crl", "shard.crl"} {
    list, err := x509.ParseRevocationList(read(name)); if err != nil { panic(err) }
    if err := list.CheckSignatureFrom(issuer); err != nil { panic(err) }
    for _, entry := range list.RevokedCertificateEntries { fmt.Printf("%032X %d\\n", entry.SerialNumber, entry.ReasonCode) }
    fmt.Println(list.Number)
  }
}`;
  const { status, stdout, stderr } = runWithFiles('go', ['run', 'read.go'], { ...files, 'read.go': program });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const entries = revokedSerials.map((serialNumber, index) => `${serialNumber} ${REASONS[index % REASONS.length]}`);
  expect(stdout.split('\n')).toEqual([...entries, '7', ...entries, '8', '']);
}, 120_000);
