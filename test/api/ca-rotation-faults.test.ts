import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { admin, adminJson } from '../bin/admin-program.ts';
import { certifiedAgent, dataOf, registerAgent } from '../support/agents.ts';
import { pemsIn } from '../support/authorities.ts';
import { movedClock } from '../support/clock.ts';
import { crlPems, downloadCrls, downloadIssuers } from '../support/distribution.ts';
import { answerLost, awsError, notPerformed, s3Error, type Fault, type Pattern } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { deployWith, mint } from '../support/generations.ts';
import { keyPool } from '../support/key-pool.ts';
import { ocspRequest, readOcspResponse } from '../support/ocsp.ts';
import { openssl } from '../support/openssl.ts';
import { publishedCrl } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { readTrust, verifyCertificate } from '../../verify/index.ts';

// What goes wrong around a rotation: it is broken off in the middle, or the issuing CA's key is in other hands.

let runtime: FaultyRuntime;
let registry: RegistryView;
const clock = movedClock();
/** As deployed last, the one that issues first. */
let generations = [1];

beforeAll(async () => {
  process.env['CRL_SHARDS'] = '1';
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
}, 120_000);
afterEach(() => runtime.calm());
afterAll(async () => {
  clock.restore();
  for (const name of ['CRL_SHARDS', 'ISSUING_GENERATIONS', 'ISSUING_KEY_IDS']) Reflect.deleteProperty(process.env, name);
  registry.close();
  await runtime.stop();
});

const deploy = async (next: number[]) => {
  await deployWith(runtime, next);
  generations = next;
};
const authorities = async (): Promise<string[]> => pemsIn((await runtime.call('GET', '/ca', { key: null })).body as string);
const generationOf = (pem: string) => Number(/Agent Issuing CA (\d+)/.exec(new X509Certificate(pem).issuer)?.[1]);

describe('a preparation that is broken off', () => {
  const writesOf = (prefix: string) => (input: Record<string, any>) => JSON.stringify(input).includes(prefix); // eslint-disable-line @typescript-eslint/no-explicit-any -- a wire request
  const where: readonly [string, 'dynamodb' | 'kms' | 's3', Pattern, Fault][] = [
    ['before the registry is read', 'dynamodb', { operation: 'GetItem', where: writesOf('CA#root') }, awsError('InternalServerError')],
    ['where the new key is read', 'kms', { operation: 'GetPublicKey' }, awsError('KMSInternalException')],
    ['where the root signs', 'kms', { operation: 'Sign' }, awsError('KMSInternalException')],
    ['before the certificate is stored', 'dynamodb', { operation: 'TransactWriteItems', where: writesOf('CA#issuing') }, notPerformed],
    ['where nobody hears that the certificate was stored', 'dynamodb', { operation: 'TransactWriteItems', where: writesOf('CA#issuing') }, answerLost],
    ['before the certificate is published', 's3', { operation: 'PutObject', where: writesOf('issuing.cer') }, s3Error('InternalError', 500)],
    ['before the responder is certified', 'dynamodb', { operation: 'TransactWriteItems', where: writesOf('CA#ocsp') }, awsError('InternalServerError')],
    ['where the first number of a CRL is drawn', 'dynamodb', { operation: 'UpdateItem', where: writesOf('CRL#') }, awsError('InternalServerError')],
    ['before its CRLs are out', 's3', { operation: 'PutObject', where: writesOf('crl/') }, s3Error('SlowDown', 503)],
  ];

  test.each(where)('%s is done when it is repeated, with one certificate', async (_, service, pattern, fault) => {
    const generation = generations.length + 1;
    const before = await authorities();
    const injection = runtime[service].inject(pattern, fault);
    const brokenOff = await deployWith(runtime, [...generations, generation]).then(() => false, () => true);
    expect(injection.hits).toBeGreaterThan(0);
    injection.remove();
    expect(generationOf((await certifiedAgent(runtime.call)).certificate.certificate_pem)).toBe(1); // Nobody notices.
    const stored = (await registry.get(`CA#issuing#${generation}`, 'CA'))?.['certificatePem'];
    await deploy([...generations, generation]);
    expect(brokenOff || fault === answerLost).toBe(true);

    const bundle = await authorities();
    expect(bundle).toHaveLength(before.length + 1);
    const pem = bundle[generations.length - 1] ?? '';
    if (stored !== undefined) expect(pem).toBe(stored);
    expect(describeCertificate(pemToDer(pem)).subject).toBe(`CN=Kakunin Agent Issuing CA ${generation},O=Kakunin`);
    const { crlNumber } = await publishedCrl(`${runtime.distributionUrl}/crl/${generation}/shard-0.crl`);
    expect(crlNumber).toBeGreaterThan(0n);
    const response = await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'POST', body: ocspRequest([{ issuer: pem, serialNumber: '22'.repeat(16) }]) as NonNullable<RequestInit['body']> });
    expect(readOcspResponse(new Uint8Array(await response.arrayBuffer()))).toMatchObject({ status: 'successful', responses: [{ status: 'unknown' }] });
  });

  test('by the clock, while others deploy the same, is one', async () => {
    const generation = generations.length + 1;
    await deployWith(runtime, [...generations, generation], 3);
    generations = [...generations, generation];
    expect(new Set(await authorities()).size).toBe(generations.length + 1);
  });

  test('or leaves a number out is refused', async () => {
    await expect(deployWith(runtime, [...generations, generations.length + 2])).rejects.toThrow(/^There has never been a generation \d+ of the issuing CA, so there can be no \d+: number them without a gap/);
  });

  test('one that has issued nothing may go again', async () => {
    await deploy(generations.slice(0, 2));
    expect(await authorities()).toHaveLength(3);
  });
});

describe('a generation that is revoked', () => {
  let old: Awaited<ReturnType<typeof certifiedAgent>>;

  beforeAll(async () => {
    old = await certifiedAgent(runtime.call);
    await authorities();
  });

  const ocsp = async () => {
    const { issuing } = await downloadIssuers(old.certificate.certificate_pem);
    const body = ocspRequest([{ issuer: issuing, serialNumber: old.certificate.serial_number }]);
    const response = await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'POST', body: body as NonNullable<RequestInit['body']> });
    return readOcspResponse(new Uint8Array(await response.arrayBuffer())).responses;
  };

  test('is one that there is, for a reason of the RFC’s', async () => {
    expect(await admin('authority', 'revoke', '77', '--reason', 'cACompromise')).toMatchObject({ status: 1, error: expect.stringContaining('There is no generation "77" of the issuing CA') });
    expect(await admin('authority', 'revoke', '1', '--reason', 'boredom')).toMatchObject({ status: 2, error: expect.stringContaining('--reason is "boredom": give it one of unspecified, keyCompromise') });
    expect(await admin('authority', 'revoke', '1')).toMatchObject({ status: 2, error: expect.stringContaining('needs --reason') });
    expect((await runtime.verify(old.certificate.serial_number)).body.data.valid).toBe(true);
  });

  test('issues nothing within a minute, and what it issued is answered as revoked', async () => {
    const { out } = await admin('authority', 'revoke', '1', '--reason', 'cACompromise');
    expect(out).toContain('aws lambda invoke --function-name local-mint-authority');
    expect(await admin('authority', 'revoke', '1', '--reason', 'cACompromise')).toMatchObject({ status: 1, error: expect.stringContaining('is revoked already') });
    clock.moveTo(new Date(Date.now() + 61_000).toISOString());

    const { id } = await registerAgent(runtime.call);
    const reply = await runtime.certify(id);
    expect([reply.status, reply.body.code, reply.headers.get('retry-after')]).toEqual([503, 'CA_REVOKED', '300']);
    expect((await runtime.call('GET', '/health', { key: null })).status).toBe(503);
    expect((await runtime.verify(old.certificate.serial_number)).body.data).toMatchObject({
      valid: false, status: 'revoked', revoked_at: expect.any(String), revocation_reason: 'The CA that issued it was revoked: cACompromise',
    });
    const { signature } = dataOf(await runtime.call('POST', `/agents/${old.agent.id}/sign`, { body: { payload: { a: 1 } } }), 200);
    expect(dataOf(await runtime.call('POST', '/verify/message', { key: null, body: { payload: { a: 1 }, signature, certificate_serial: old.certificate.serial_number } }), 200)).toMatchObject({ valid: false, reason: 'certificate_revoked' });
    expect(await ocsp()).toMatchObject([{ status: 'revoked', reason: 'cACompromise' }]);
    // The reservation was given back.
    expect((await runtime.aftermath.agent(id))?.['lease']).toBeUndefined();
  });

  test('cannot go before the root’s CRL lists it, which mint-authority sees to at its next run', async () => {
    await expect(deployWith(runtime, [2])).rejects.toThrow('Generation 1 of the issuing CA was revoked, and the root’s CRL does not say so yet: run mint-authority');
    await deploy([2, 1]);
    const { certificate } = await certifiedAgent(runtime.call);
    expect(generationOf(certificate.certificate_pem)).toBe(2);
    const { entries, crlNumber } = await publishedCrl(`${runtime.distributionUrl}/crl/root.crl`);
    const { issuing, root } = await downloadIssuers(old.certificate.certificate_pem);
    expect([...entries.values()]).toMatchObject([{ serialNumber: describeCertificate(pemToDer(issuing)).serialNumber, reasonCode: 2 }]);

    const crls = crlPems((await downloadCrls([old.certificate.certificate_pem, issuing])).values());
    const files = { 'root.pem': root, 'issuing.pem': issuing, 'crls.pem': crls, 'leaf.pem': old.certificate.certificate_pem };
    expect(openssl(['verify', '-crl_check_all', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', '-CRLfile', 'crls.pem', 'leaf.pem'], files).stderr).toContain('certificate revoked');
    expect(await verifyCertificate(old.certificate.certificate_pem, readTrust({ authorities: root + issuing, crls: [crls] }), { at: new Date() })).toMatchObject({ valid: false, reason: 'issuer_revoked' });

    await mint({});
    expect((await publishedCrl(`${runtime.distributionUrl}/crl/root.crl`)).crlNumber).toBe(crlNumber); // Listed once.
    const [first, second, third] = await adminJson('authority', 'list');
    expect(first).toMatchObject({ generation: 1, unexpired_certificates: true, revoked_at: expect.any(String), reason_code: 'cACompromise' });
    expect([second, third]).toMatchObject([{ generation: 2, unexpired_certificates: true, revoked_at: null }, { generation: 3, unexpired_certificates: false, revoked_at: null }]);
  });

  test('may go while certificates of it have not expired; they stay revoked', async () => {
    const renewed = dataOf(await runtime.call('POST', `/certificates/${old.certificate.id}/renew`), 201);
    await runtime.idle();
    await deploy([2]);
    expect((await runtime.verify(renewed.serial_number)).body.data.valid).toBe(true);
    expect((await runtime.verify(old.certificate.serial_number)).body.data).toMatchObject({ valid: false, status: 'revoked' });
    const { entries } = await publishedCrl(`${runtime.distributionUrl}/crl/root.crl`);
    expect(entries.size).toBe(1);
  });
});
