import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { isInstalled, openssl, runWithFiles } from '../support/openssl.ts';
import { agent, agentCertificate, distributed, rsaKey, settings, signed, type TestAuthority, testAuthority, type TestKey } from './authority-fixture.ts';

// Chains signed with real keys, judged by other people's software.
const now = Math.floor(Date.UTC(2026, 5, 1) / 1000);

let authority: TestAuthority;
let key: TestKey;
let files: Record<string, string>;

beforeAll(() => {
  authority = testAuthority(distributed);
  key = rsaKey(2048);
  files = {
    'root.pem': certificateToPem(authority.rootCertificateDer),
    'issuing.pem': certificateToPem(authority.issuingCertificateDer),
    'agent.pem': certificateToPem(signed(agentCertificate(authority, key, { settings: distributed, crlShard: 3 }), authority.issuingKey)),
    'plain.pem': certificateToPem(signed(agentCertificate(authority, key, { settings, agent: { ...agent, model: 'モデル' } }), authority.issuingKey)),
    'svid.pem': certificateToPem(signed(agentCertificate(authority, key, { settings: { ...settings, spiffeTrustDomain: 'example.org' } }), authority.issuingKey)),
  };
});

const verify = (leaf: string, ...options: string[]): ReturnType<typeof openssl> =>
  openssl(['verify', '-x509_strict', '-attime', String(now), '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', ...options, leaf], files);

describe('openssl', () => {
  it.each([['agent.pem', 'sslclient'], ['plain.pem', 'sslclient'], ['svid.pem', 'sslclient'], ['svid.pem', 'sslserver']])('verifies %s as %s, strictly', (leaf, purpose) => {
    expect(verify(leaf, '-purpose', purpose)).toMatchObject({ status: 0, stdout: `${leaf}: OK\n` });
  });

  it('verifies the issuing CA and the root, strictly, the root’s own signature included', () => {
    expect(openssl(['verify', '-x509_strict', '-check_ss_sig', '-attime', String(now), '-CAfile', 'root.pem', 'root.pem', 'issuing.pem'], files)).toMatchObject({
      status: 0, stdout: 'root.pem: OK\nissuing.pem: OK\n',
    });
  });

  it('refuses what the certificates do not allow', () => {
    expect(verify('agent.pem', '-purpose', 'sslserver')).toMatchObject({ status: 2, stderr: expect.stringContaining('unsuitable certificate purpose') });
    expect(verify('agent.pem', '-attime', String(Date.UTC(2027, 2, 1, 12, 34, 56) / 1000))).toMatchObject({ status: 2, stderr: expect.stringContaining('expired') });
    const stranger = openssl(['verify', '-attime', String(now), '-CAfile', 'issuing.pem', 'agent.pem'], files);
    expect(stranger.status).toBe(2);
  });

  it('prints every extension by name and without complaint', () => {
    const { stdout } = openssl(['x509', '-in', 'agent.pem', '-noout', '-text'], files);
    expect(stdout).toContain('Version: 3 (0x2)');
    expect(stdout).toContain('7a:1b:2c:3d:4e:5f:4a:6b:8c:7d:9e:0f:1a:2b:3c:4d');
    expect(stdout).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(stdout).toMatch(/Basic Constraints: critical\s+CA:FALSE\n/);
    expect(stdout).toMatch(/Extended Key Usage: \s+TLS Web Client Authentication\n/);
    expect(stdout).toMatch(new RegExp(`Subject Alternative Name: \\s+URI:urn:kakunin:agent:${agent.id}\n`));
    expect(stdout).toMatch(/Full Name:\s+URI:http:\/\/pki\.example\.com\/kakunin\/crl\/shard-3\.crl/);
    expect(stdout).toContain('OCSP - URI:http://pki.example.com/kakunin/ocsp');
    expect(stdout).toMatch(/Policy: 1\.3\.6\.1\.4\.1\.61411\.2\.1\n/);
    expect(stdout.match(/Signature Algorithm: sha256WithRSAEncryption/g)).toHaveLength(2);
  });
});

it('node verifies the chain and reads it as it was meant', () => {
  const [leaf, issuing, root] = ['agent.pem', 'issuing.pem', 'root.pem'].map((name) => new X509Certificate(files[name] ?? ''));
  if (!leaf || !issuing || !root) throw new Error('unreachable');
  expect(leaf.checkIssued(issuing) && leaf.verify(issuing.publicKey)).toBe(true);
  expect(issuing.checkIssued(root) && issuing.verify(root.publicKey)).toBe(true);
  expect(root.verify(root.publicKey)).toBe(true);
  expect([leaf.ca, issuing.ca, root.ca]).toEqual([false, true, true]);
  expect(leaf.subjectAltName).toBe(`URI:urn:kakunin:agent:${agent.id}`);
  expect(new Date(leaf.validTo).toISOString()).toBe('2027-03-01T12:34:55.000Z');
  expect(new Date(root.validTo).toISOString()).toBe('2051-02-23T12:34:55.000Z');
  const { serialNumber, fingerprintSha256 } = describeCertificate(leaf.raw);
  expect(serialNumber).toBe(leaf.serialNumber);
  expect(fingerprintSha256).toBe(leaf.fingerprint256.replaceAll(':', '').toLowerCase());
});

// Not every machine has these; the skipped test's name says so.
const hasCertTool = isInstalled('certtool');
(hasCertTool ? it : it.skip)(`GnuTLS verifies the chain${hasCertTool ? '' : ' (skipped: certtool is not installed)'}`, () => {
  // certtool before 3.8 knows no --attime, so this chain is valid by the clock.
  const yesterday = new Date(Date.now() - 86_400_000);
  const current = testAuthority(distributed, yesterday, { root: authority.rootKey, issuing: authority.issuingKey });
  const leaf = signed(agentCertificate(current, key, { settings: distributed, crlShard: 3, notBefore: yesterday }), current.issuingKey);
  const chain = { 'chain.pem': certificateToPem(leaf) + certificateToPem(current.issuingCertificateDer), 'root.pem': certificateToPem(current.rootCertificateDer) };
  const { status, stdout } = runWithFiles('certtool', ['--verify', '--load-ca-certificate', 'root.pem', '--infile', 'chain.pem'], chain);
  expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('Verified') });
});

const hasGo = isInstalled('go', 'version');
(hasGo ? it : it.skip)(`Go verifies the chain${hasGo ? '' : ' (skipped: go is not installed)'}`, () => {
  const program = `package main
import ("crypto/x509"; "encoding/pem"; "fmt"; "os"; "time")
func read(name string) *x509.Certificate {
  text, err := os.ReadFile(name); if err != nil { panic(err) }
  block, _ := pem.Decode(text)
  certificate, err := x509.ParseCertificate(block.Bytes); if err != nil { panic(err) }
  return certificate
}
func main() {
  roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
  roots.AddCert(read("root.pem")); intermediates.AddCert(read("issuing.pem"))
  for _, name := range []string{"agent.pem", "plain.pem", "svid.pem"} {
    leaf := read(name)
    _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: time.Unix(${now}, 0), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
    if err != nil { panic(err) }
    fmt.Println(name, leaf.URIs[0], len(leaf.UnhandledCriticalExtensions))
  }
}`;
  const { status, stdout, stderr } = runWithFiles('go', ['run', 'verify.go'], { ...files, 'verify.go': program });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(
    `agent.pem urn:kakunin:agent:${agent.id} 0\nplain.pem urn:kakunin:agent:${agent.id} 0\nsvid.pem spiffe://example.org/tenant/${agent.tenantId}/agent/${agent.id} 0\n`,
  );
}, 120_000);
