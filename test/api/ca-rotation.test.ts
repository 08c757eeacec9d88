import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { crlToPem, parseCrl } from '../../lambdas/pki/crl.ts';
import { readTrust, verifyCertificate } from '../../verify/index.ts';
import { certifiedAgent, certify, dataOf, registerAgent, revoke } from '../support/agents.ts';
import { pemsIn } from '../support/authorities.ts';
import { movedClock } from '../support/clock.ts';
import { crlPems, download, downloadCrls, downloadIssuers } from '../support/distribution.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { deployWith } from '../support/generations.ts';
import { keyPool } from '../support/key-pool.ts';
import { ocspRequest, readOcspResponse } from '../support/ocsp.ts';
import { openssl, runClientWithFiles } from '../support/openssl.ts';
import { publishedCrl } from '../support/published-crl.ts';

/*
 * The ceremony of docs/ca-rotation.md, in its order, with certificates in the field, which other people's software judges.
 * Each test begins where the one before it ended.
 */

let runtime: FaultyRuntime;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers, read field by field
type Certified = { agent: any; certificate: any };
const clock = movedClock();
const old: Record<'active' | 'revoked' | 'risky' | 'renewed', Certified> = {} as never;
let young: Certified;

beforeAll(async () => {
  process.env['CRL_SHARDS'] = '2';
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  for (const name of ['active', 'revoked', 'risky', 'renewed'] as const) old[name] = await certifiedAgent(runtime.call);
}, 120_000);
afterAll(async () => {
  clock.restore();
  for (const name of ['CRL_SHARDS', 'ISSUING_GENERATIONS', 'ISSUING_KEY_IDS']) Reflect.deleteProperty(process.env, name);
  await runtime.stop();
});

const pemOf = ({ certificate }: Certified): string => certificate.certificate_pem;
const generationOf = (pem: string) => Number(/Agent Issuing CA (\d+)/.exec(new X509Certificate(pem).issuer)?.[1]);
const authorities = async (): Promise<string[]> => pemsIn((await runtime.call('GET', '/ca', { key: null })).body as string);
const subjects = (pems: readonly string[]) => pems.map((pem) => /CN=Kakunin (.*)/.exec(new X509Certificate(pem).subject)?.[1]);

/** What openssl says of a certificate, by what it downloads from the URLs in it. */
async function opensslVerdict(pem: string): Promise<string> {
  const { issuing, root } = await downloadIssuers(pem);
  const crls = crlPems((await downloadCrls([pem, issuing])).values());
  const files = { 'root.pem': root, 'issuing.pem': issuing, 'crls.pem': crls, 'leaf.pem': pem };
  const { stdout, stderr } = openssl(['verify', '-x509_strict', '-crl_check_all', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', '-CRLfile', 'crls.pem', 'leaf.pem'], files);
  return /leaf\.pem: OK/.test(stdout) ? 'good' : /certificate revoked/.test(stderr) ? 'revoked' : stderr;
}

/** What openssl makes of the responder's answer, which must be signed by whom the certificate's issuer has certified. */
async function ocspVerdict(pem: string): Promise<string> {
  const { issuing, root } = await downloadIssuers(pem);
  const files = { 'root.pem': root, 'issuing.pem': issuing, 'leaf.pem': pem };
  const { stdout, stderr } = await runClientWithFiles('openssl', [
    'ocsp', '-issuer', 'issuing.pem', '-cert', 'leaf.pem', '-url', `${runtime.distributionUrl}/ocsp`, '-no_proxy', '127.0.0.1', '-CAfile', 'root.pem',
  ], files);
  return stderr === 'Response verify OK\n' ? (/leaf\.pem: (\w+)/.exec(stdout)?.[1] ?? stdout) : stderr;
}

const verdicts = async (certified: Certified) => [await opensslVerdict(pemOf(certified)), await ocspVerdict(pemOf(certified))];

test('with one generation everything is as it was: the names of files, one CA and the root', async () => {
  expect(subjects(await authorities())).toEqual(['Agent Issuing CA 1', 'Agent Root CA']);
  expect(describeCertificate(pemToDer(pemOf(old.active)))).toMatchObject({
    crlDistributionPoints: [expect.stringMatching(/\/crl\/shard-[01]\.crl$/)], caIssuers: [`${runtime.distributionUrl}/ca/issuing.cer`],
  });
  expect(await verdicts(old.active)).toEqual(['good', 'good']);
});

describe('prepared', () => {
  test('is a second generation under the same root; the first goes on issuing', async () => {
    const first = await authorities();
    await deployWith(runtime, [1, 2]);
    const [issuing, successor = '', root, ...others] = await authorities();
    expect([[issuing, root], others]).toEqual([first, []]);
    const [one, two] = [issuing ?? '', successor].map((pem) => describeCertificate(pemToDer(pem)));
    expect(two).toMatchObject({ subject: 'CN=Kakunin Agent Issuing CA 2,O=Kakunin', issuer: one?.issuer, akid: one?.akid, isAuthority: true, pathLength: 0, publicKeyBits: 3072 });
    expect(two?.skid).not.toBe(one?.skid);
    expect(two?.serialNumber).not.toBe(one?.serialNumber);
    expect(generationOf(pemOf(await certifiedAgent(runtime.call)))).toBe(1);
  });

  test('has its CRLs and its responder before it issues', async () => {
    const { issuerDer } = await publishedCrl(`${runtime.distributionUrl}/crl/2/complete.crl`);
    for (const name of ['shard-0.crl', 'shard-1.crl']) {
      const crl = await publishedCrl(`${runtime.distributionUrl}/crl/2/${name}`);
      expect([crl.issuerDer, crl.issuingDistributionPoint]).toEqual([issuerDer, `${runtime.distributionUrl}/crl/2/${name}`]);
    }
    const [, successor = ''] = await authorities();
    const answer = readOcspResponse(await askOcsp([{ issuer: successor, serialNumber: '11'.repeat(16) }]));
    expect(answer).toMatchObject({ status: 'successful', responses: [{ status: 'unknown' }] });
    expect(generationOf(answer.certificatePem)).toBe(2);
  });

  test('is prepared once: deployed again, nothing is minted or published', async () => {
    const before = await authorities();
    runtime.calm();
    await deployWith(runtime, [1, 2]);
    expect(runtime.kms.calls.filter(({ operation }) => operation === 'Sign')).toEqual([]);
    expect(runtime.s3.calls.filter(({ operation }) => operation === 'PutObject')).toEqual([]);
    expect(await authorities()).toEqual(before);
  });
});

async function askOcsp(questions: Parameters<typeof ocspRequest>[0]): Promise<Uint8Array> {
  const response = await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'POST', body: ocspRequest(questions) as NonNullable<RequestInit['body']> });
  return new Uint8Array(await response.arrayBuffer());
}

describe('switched', () => {
  test('under load, no request fails, and whoever comes after it has the new generation', async () => {
    const agents = await Promise.all(Array.from({ length: 24 }, () => registerAgent(runtime.call)));
    const issued: { generation: number; begunAt: number }[] = [];
    let switchedAt = Infinity;
    const queue = agents.values();
    const issuing = Array.from({ length: 4 }, async () => {
      for (const { id } of queue) {
        const begunAt = performance.now();
        issued.push({ generation: generationOf((await certify(runtime.call, id)).certificate_pem), begunAt });
      }
    });
    while (issued.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
    await deployWith(runtime, [2, 1]);
    switchedAt = performance.now();
    await Promise.all(issuing);
    young = await certifiedAgent(runtime.call);

    expect(issued).toHaveLength(24);
    expect(new Set(issued.map(({ generation }) => generation)).has(1)).toBe(true);
    expect(issued.filter(({ generation, begunAt }) => begunAt > switchedAt && generation !== 2)).toEqual([]);
    expect(generationOf(pemOf(young))).toBe(2);
  });

  test('the bundle begins with the CA that issues, which is the one in DER', async () => {
    const pems = await authorities();
    expect(subjects(pems)).toEqual(['Agent Issuing CA 2', 'Agent Issuing CA 1', 'Agent Root CA']);
    const json = dataOf(await runtime.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } }), 200);
    expect(json.certificates.map(({ role }: { role: string }) => role)).toEqual(['issuing', 'issuing', 'root', 'attestation']);
    expect(json.chain_pem).toBe(pems.join(''));
    const der = new Uint8Array(await (await fetch(`${runtime.url}/ca`, { headers: { accept: 'application/pkix-cert' } })).arrayBuffer());
    expect(Buffer.from(der)).toEqual(Buffer.from(pemToDer(pems[0] ?? '')));
  });

  test('certificates of either are good to openssl, by the URLs in them', async () => {
    expect(describeCertificate(pemToDer(pemOf(young)))).toMatchObject({
      crlDistributionPoints: [expect.stringMatching(/\/crl\/2\/shard-[01]\.crl$/)], caIssuers: [`${runtime.distributionUrl}/ca/2/issuing.cer`], ocsp: [`${runtime.distributionUrl}/ocsp`],
    });
    expect([await verdicts(old.active), await verdicts(young)]).toEqual([['good', 'good'], ['good', 'good']]);
  });

  test('OCSP answers for the CA of the first certificate asked about', async () => {
    const [two = '', one = ''] = await authorities();
    const questions = [{ issuer: one, serialNumber: old.active.certificate.serial_number }, { issuer: two, serialNumber: young.certificate.serial_number }];
    for (const [asked, generation] of [[questions, 1], [questions.toReversed(), 2]] as const) {
      const { responses, certificatePem } = readOcspResponse(await askOcsp(asked));
      expect([responses.map(({ status }) => status), generationOf(certificatePem)]).toEqual([['good', 'unknown'], generation]);
    }
    // The same serial number under the other issuer's name was never issued.
    expect(readOcspResponse(await askOcsp([{ issuer: two, serialNumber: old.active.certificate.serial_number }])).responses).toMatchObject([{ status: 'unknown' }]);
  });

  test('an old certificate is revoked as ever: by hand, and by what its agent did', async () => {
    await revoke(runtime.call, old.revoked.certificate.id, { body: { reason: 'Stolen', reason_code: 'keyCompromise' } });
    dataOf(await runtime.call('POST', '/events', { body: { agent_id: old.risky.agent.id, action_type: 'transaction_anomaly' } }), 201);
    await runtime.idle();
    for (const certified of [old.revoked, old.risky]) {
      expect(await verdicts(certified)).toEqual(['revoked', 'revoked']);
      expect((await runtime.verify(certified.certificate.serial_number)).body.data).toMatchObject({ status: 'revoked', valid: false });
    }
    const complete = async (query = '') => parseCrl(new Uint8Array(await (await fetch(`${runtime.url}/crl${query}`, { headers: { accept: 'application/pkix-crl' } })).arrayBuffer()));
    const listed = (crl: ReturnType<typeof parseCrl>) => [...crl.revokedCertificates()].map(({ serialNumber }) => serialNumber).sort();
    expect(listed(await complete('?generation=1'))).toEqual([old.revoked, old.risky].map(({ certificate }) => certificate.serial_number).sort());
    expect([listed(await complete()), listed(await complete('?generation=2'))]).toEqual([[], []]);
    expect(await runtime.call('GET', '/crl?generation=3', { key: null })).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', issues: [{ path: 'generation', message: 'must be one of 2, 1' }] } });
  });

  test('a renewal moves an agent to the new generation', async () => {
    const certificate = dataOf(await runtime.call('POST', `/certificates/${old.renewed.certificate.id}/renew`), 201);
    await runtime.idle();
    expect(generationOf(certificate.certificate_pem)).toBe(2);
    expect([await verdicts({ agent: undefined, certificate }), await verdicts(old.renewed)]).toEqual([['good', 'good'], ['revoked', 'revoked']]);
    await revoke(runtime.call, certificate.id);
    await runtime.idle();
    expect(await verdicts({ agent: undefined, certificate })).toEqual(['revoked', 'revoked']);
  });

  test('a token brings the certificate of its own issuer', async () => {
    for (const [{ agent }, generation] of [[old.active, 1], [young, 2]] as const) {
      const { token } = dataOf(await runtime.call('POST', `/agents/${agent.id}/sign`, { body: { jwt: { aud: 'x' } } }), 200);
      const [leaf, issuing] = (decodeProtectedHeader(token).x5c ?? []).map((der) => new X509Certificate(Buffer.from(der, 'base64')));
      if (leaf === undefined || issuing === undefined) throw new Error('x5c is to hold two certificates.');
      expect([leaf.checkIssued(issuing), leaf.verify(issuing.publicKey), generationOf(leaf.toString())]).toEqual([true, true, generation]);
    }
  });

  test('offline verification takes either from one bundle', async () => {
    const pems = (await authorities()).join('');
    const { issuing } = await downloadIssuers(pemOf(young));
    const crls = [...(await downloadCrls([pemOf(old.active), pemOf(young), pemOf(old.revoked), issuing])).values()];
    const trust = readTrust({ authorities: pems, crls: crls.map((der) => Buffer.from(crlToPem(der)).toString()) });
    expect(trust.problems).toEqual([]);
    const options = { revocation: 'required for all' } as const;
    expect([await verifyCertificate(pemOf(old.active), trust, options), await verifyCertificate(pemOf(young), trust, options), await verifyCertificate(pemOf(old.revoked), trust, options)]).toMatchObject([
      { valid: true, revocation: 'good', issuerRevocation: 'good' }, { valid: true, revocation: 'good', issuerRevocation: 'good' }, { valid: false, reason: 'certificate_revoked' },
    ]);
  });

  test('the attestation authority has its certificate from the CA that issues, for the key it had', async () => {
    const attestation = await download(`${runtime.distributionUrl}/ca/attestation.cer`);
    const { issuing } = await downloadIssuers(pemOf(young));
    expect(new X509Certificate(attestation).verify(new X509Certificate(issuing).publicKey)).toBe(true);
  });

  test('can be undone', async () => {
    await deployWith(runtime, [1, 2]);
    expect(generationOf(pemOf(await certifiedAgent(runtime.call)))).toBe(1);
    await deployWith(runtime, [2, 1]);
    expect(generationOf(pemOf(await certifiedAgent(runtime.call)))).toBe(2);
  });
});

describe('retired', () => {
  test('before its last certificate has ended, or while it issues, is refused, and nothing changes', async () => {
    await expect(deployWith(runtime, [2])).rejects.toThrow(/^Generation 1 of the issuing CA still serves: there are certificates of it that have not expired\. Leave 1 in issuingGenerations/);
    await expect(deployWith(runtime, [1])).rejects.toThrow(/^Generation 2 of the issuing CA issues until this deployment: have another one issue first/);
    expect(subjects(await authorities())).toEqual(['Agent Issuing CA 2', 'Agent Issuing CA 1', 'Agent Root CA']);
    expect(await verdicts(old.active)).toEqual(['good', 'good']);
  });

  test('can be, once none is left; the others notice nothing', async () => {
    clock.moveTo(new Date(Date.now() + 200 * 86_400_000).toISOString());
    await runtime.runSchedule('mint-authority');
    const last = await certifiedAgent(runtime.call);
    clock.moveTo(new Date(Date.now() + 170 * 86_400_000).toISOString());
    await runtime.runSchedule('mint-authority');
    await expect(deployWith(runtime, [2])).rejects.toThrow('Generation 1 of the issuing CA still serves');
    await runtime.runSchedule('expire-certificates');
    await deployWith(runtime, [2]);
    await runtime.idle();

    expect(subjects(await authorities())).toEqual(['Agent Issuing CA 2', 'Agent Root CA']);
    expect((await runtime.verify(old.active.certificate.serial_number)).body.data).toMatchObject({ status: 'expired', valid: false, issuer: expect.stringContaining('Issuing CA 1') });
    expect((await runtime.verify(last.certificate.serial_number)).body.data).toMatchObject({ status: 'active', valid: true });
    expect((await runtime.call('GET', '/crl?generation=1', { key: null })).status).toBe(400);
    const { issuing } = await downloadIssuers(pemOf(old.active)); // What is out stays out.
    expect(readOcspResponse(await askOcsp([{ issuer: issuing, serialNumber: old.active.certificate.serial_number }])).status).toBe('unauthorized');
    runtime.calm();
    await runtime.runSchedule('refresh-crls');
    expect(runtime.s3.calls.filter(({ operation }) => operation === 'PutObject').map(({ input }) => String(input['Key'])).sort()).toEqual([
      'crl/2/complete.crl', 'crl/2/complete.pem', 'crl/2/shard-0.crl', 'crl/2/shard-1.crl',
    ]);
  });
});
