import { execFile } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { readSignedCertificate } from '../../lambdas/pki/certificate-reader.ts';
import { readTbsOfCertificate } from '../../lambdas/pki/tbs-certificate.ts';
import { decodeRevokedCertificate, encodeRevokedCertificate } from '../../lambdas/pki/crl-entry.ts';
import { parseCrl, readSignedCrl } from '../../lambdas/pki/crl-reader.ts';
import { findRevokedCertificate } from '../../lambdas/pki/crl-search.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { lintAgentCertificate } from '../../lambdas/pki/lint.ts';
import { ocspIssuerHashes, parseOcspRequest } from '../../lambdas/pki/ocsp-request.ts';
import { pemBlocks, pemToDer } from '../../lambdas/pki/pem-reader.ts';
import { derElement } from '../../lambdas/pki/der-writer.ts';
import { verifyCertificate, verifyMessage, verifyToken } from '../../verify/index.ts';
import { readCertificate } from '../../verify/certificate.ts';
import { endingWithin, fuzzing, fuzzingTimeout } from '../support/fuzzing.ts';
import { makeWorld, options, shardUrl, signTbs, type World } from '../verify/verify-fixture.ts';
import { agent, certificateId, distributed } from './authority-fixture.ts';
import { bombs, elementsOf } from './bombs.ts';
import { mutatedDer } from './der-mutations.ts';
import { FIELD, fieldOf, hex, tlv } from './der-surgery.ts';
import { serialNumbers, signDigest, signedCrl } from './revocation-fixture.ts';

/*
 * Every reader of octets that come from outside, given octets that are nearly right. It reads them, or throws the one error that its
 * documentation names; it ends, and it does not take memory that the octets do not account for.
 */

/** Of one input; the longest takes less than a hundredth of it where the machine has nothing else to do. */
const limitMilliseconds = 5000;
const bounds = { runs: 1500, atMostSeconds: 2 };
const timeout = fuzzingTimeout(bounds);

let world: World;
let crl: Uint8Array;
let ocspRequest: Uint8Array;
beforeAll(() => {
  world = makeWorld();
  const entries = serialNumbers(20, 'fuzz').map((serialNumber, index) => encodeRevokedCertificate({ serialNumber, revocationDate: new Date(Date.UTC(2026, 4, 1, index)), reasonCode: [0, 1, 4][index % 3] ?? 0 }));
  crl = signedCrl(world.authority, { issuingDistributionPoint: shardUrl, entries });
  const { sha1, sha256 } = ocspIssuerHashes(world.authority.issuingCertificateDer);
  const octetString = (digits: string) => tlv(0x04, hex(digits));
  const certId = (algorithm: string, { issuerNameHash, issuerKeyHash }: typeof sha1) =>
    tlv(0x30, tlv(0x30, hex(algorithm), hex('0500')), octetString(issuerNameHash), octetString(issuerKeyHash), tlv(0x02, hex(certificateId.replaceAll('-', ''))));
  const nonce = tlv(0x30, hex('06092b0601050507300102'), tlv(0x04, tlv(0x04, new Uint8Array(32).fill(7))));
  ocspRequest = tlv(0x30, tlv(0x30,
    tlv(0x30, tlv(0x30, certId('06052b0e03021a', sha1)), tlv(0x30, certId('0609608648016503040201', sha256))),
    tlv(0xa2, tlv(0x30, nonce)),
  ));
});

/** Reads; a DerError is an answer like any other, and everything else is a failure. Answers what was read. */
function readOrDerError<Value>(read: () => Value, milliseconds = limitMilliseconds): Value | undefined {
  try {
    return endingWithin(milliseconds, read);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** The readers, each with what it reads when all is well. */
const readers: Record<string, { sound: () => Uint8Array; read: (octets: Uint8Array) => unknown }> = {
  'the DER reader': { sound: () => world.certificateDer, read: readDer },
  'the certificate reader': { sound: () => world.certificateDer, read: (der) => [readSignedCertificate(der), readTbsOfCertificate(der)] },
  'the certificate reader of kakunin/verify': { sound: () => world.certificateDer, read: readCertificate },
  'the description of a certificate': { sound: () => world.certificateDer, read: describeCertificate },
  'the CRL reader': {
    sound: () => crl,
    read: (der) => {
      readSignedCrl(der);
      const list = parseCrl(der);
      findRevokedCertificate(list.entriesDer, hex(certificateId.replaceAll('-', '')));
      return [...list.revokedCertificates()];
    },
  },
  'the reader of a CRL’s entry': { sound: () => encodeRevokedCertificate({ serialNumber: certificateId.replaceAll('-', ''), revocationDate: new Date('2026-05-04T03:02:01Z'), reasonCode: 1 }), read: decodeRevokedCertificate },
};

describe.each(Object.entries(readers))('%s', (_, { sound, read }) => {
  it('reads what is sound', () => {
    expect(readOrDerError(() => read(sound()))).toBeDefined();
  });

  it('reads or refuses what is not', () => {
    fc.assert(fc.property(mutatedDer(sound()), (octets) => void readOrDerError(() => read(octets))), fuzzing(bounds));
  }, timeout);
});

describe('the OCSP request parser', () => {
  it('reads what is sound', () => {
    expect(parseOcspRequest(ocspRequest)).toMatchObject({ certIds: [{ hashAlgorithm: 'sha1' }, { hashAlgorithm: 'sha256' }], nonce: new Uint8Array(32).fill(7) });
  });

  it('throws nothing at all', () => {
    fc.assert(fc.property(mutatedDer(ocspRequest), (octets) => {
      const request = endingWithin(limitMilliseconds, () => parseOcspRequest(octets));
      if ('malformed' in request) expect(request.malformed).toMatch(/^[A-Z\d].*\.$/s);
      else expect(request.certIds.length).toBeGreaterThan(0);
    }), fuzzing(bounds));
  }, timeout);
});

describe('the linter', () => {
  /** What it has nothing against is what the builder builds, to the last octet, but for the moment and the order of the extensions. */
  const fixedParts = (tbs: Uint8Array) => [
    tbs.length,
    ...readDer(tbs).children.filter((_, index) => index !== FIELD.validity && index !== FIELD.extensions).map(({ encoded }) => hexOf(encoded)),
    ...(readDer(fieldOf(tbs, FIELD.extensions)).children[0]?.children ?? []).map(({ encoded }) => hexOf(encoded)).sort(),
  ];

  it('has a list of sentences for whatever it is shown', () => {
    const tbs = fieldOf(world.certificateDer, 0);
    const input = {
      subjectPublicKeyInfoDer: world.agentKey.subjectPublicKeyInfoDer, issuerCertificateDer: world.authority.issuingCertificateDer, certificateId, settings: distributed, crlShard: 3, agent,
    };
    expect(lintAgentCertificate({ ...input, tbsCertificateDer: tbs })).toEqual([]);
    fc.assert(fc.property(mutatedDer(tbs), (tbsCertificateDer) => {
      const sentences = endingWithin(limitMilliseconds, () => lintAgentCertificate({ ...input, tbsCertificateDer }));
      if (sentences.length === 0) expect(fixedParts(tbsCertificateDer)).toEqual(fixedParts(tbs));
    }), fuzzing(bounds));
  }, timeout);
});

describe('the PEM reader', () => {
  /** What a PEM text is made of, whole and in parts. */
  const piece = fc.oneof(
    fc.constantFrom('-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----BEGIN X509 CRL-----', '-----END X509 CRL-----', '-----BEGIN CERTIFICATE', '-----', '\n', '\r\n', ' ', '\t', '=', '==', 'MII', '\u0000', '\ufeff'),
    fc.base64String(), fc.string({ unit: 'binary' }),
    fc.integer({ min: 1, max: 2000 }).map((count) => '-----BEGIN CERTIFICATE-----'.repeat(count)),
    fc.integer({ min: 1, max: 100_000 }).chain((count) => fc.constantFrom('\n', ' ', '-', '=', 'A').map((character) => character.repeat(count))),
  );

  it('reads or refuses any text', () => {
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      readOrDerError(() => pemToDer(text));
      readOrDerError(() => [...pemBlocks(text, 'X509 CRL')]);
    }), fuzzing({ ...bounds, runs: 500 }));
  }, timeout);

  it('and a certificate that something was done to', () => {
    fc.assert(fc.property(fc.nat(world.certificate.length), fc.nat(30), fc.array(piece, { maxLength: 3 }), (offset, left, pieces) => {
      readOrDerError(() => pemToDer(world.certificate.slice(0, offset) + pieces.join('') + world.certificate.slice(offset + left)));
    }), fuzzing({ ...bounds, runs: 500 }));
  }, timeout);
});

/** Each signed anew, so that the verifier gets as far as what was done to it. */
describe('kakunin/verify has a verdict on', () => {
  const slow = { runs: 150, atMostSeconds: 4 };
  const slowTimeout = fuzzingTimeout(slow);

  async function verdictWithin(verify: () => Promise<{ valid: boolean }>): Promise<void> {
    const begin = performance.now();
    const verdict = await endingWithin(limitMilliseconds, verify);
    expect(performance.now() - begin).toBeLessThan(limitMilliseconds);
    expect(verdict).toMatchObject(verdict.valid ? { agent: expect.any(Object) } : { reason: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/^[A-Z\d]/), crlUrls: expect.any(Array) });
  }

  it('a certificate that its CA has signed, whatever it holds', async () => {
    await fc.assert(fc.asyncProperty(mutatedDer(fieldOf(world.certificateDer, 0)), (tbs) =>
      verdictWithin(() => verifyCertificate(signTbs(tbs, world.authority.issuingKey), world.trust, options))), fuzzing(slow));
  }, slowTimeout);

  it('a certificate beside which others came along', async () => {
    const issuing = world.authority.issuingCertificateDer;
    const onlyRoot = world.trusting({ authorities: world.authority.rootCertificateDer });
    const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
    await fc.assert(fc.asyncProperty(mutatedDer(fieldOf(issuing, 0)), fc.boolean(), (tbs, twice) => {
      const chain = [world.certificateDer, signTbs(tbs, world.authority.rootKey), ...(twice ? [issuing] : [])].map(base64);
      return verdictWithin(() => verifyCertificate(chain, onlyRoot, options));
    }), fuzzing(slow));
  }, slowTimeout);

  it('a certificate beside a CRL that its CA has signed, whatever it holds', async () => {
    await fc.assert(fc.asyncProperty(mutatedDer(fieldOf(crl, 0)), async (tbs) => {
      const signed = tlvOf(tbs, fieldOf(crl, 1), signDigest(createHash('sha256').update(tbs).digest(), world.authority.issuingKey));
      const trust = endingWithin(limitMilliseconds, () => world.trusting({ crls: [signed] }));
      await verdictWithin(() => verifyCertificate(world.certificate, trust, options));
    }), fuzzing(slow));
  }, slowTimeout);

  it('a message and a token with whatever certificate', async () => {
    const token = (x5c: Uint8Array) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = `${part({ alg: 'RS256', x5c: [Buffer.from(x5c).toString('base64')] })}.${part({ sub: 'x' })}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), world.agentKey.privateKey).toString('base64url')}`;
    };
    await fc.assert(fc.asyncProperty(mutatedDer(world.certificateDer), async (certificate) => {
      await verdictWithin(() => verifyMessage({ certificate, payload: {}, signature: world.sign({}) }, world.trust, options));
      await verdictWithin(() => verifyToken(token(certificate), world.trust, options));
    }), fuzzing(slow));
  }, slowTimeout);
});

describe('memory and time are the input’s own', () => {
  it.each(Object.entries(bombs))('%s', async (name, make) => {
    const octets = make();
    const reads = [...Object.values(readers).map(({ read }) => read), parseOcspRequest, (der: Uint8Array) => world.trusting({ crls: [der], authorities: der })];
    // A megabyte is hundreds of times what fuzzing sends, and more than any reader at a door takes.
    for (const read of reads) readOrDerError(() => read(octets), 2 * limitMilliseconds);
    // An object of some 250 octets for each element, with what is garbage by then; beside them what a text of a megabyte takes in pieces.
    expect(await mostMegabytesReading(name)).toBeLessThan(96 + ((elementsOf[name] ?? 0) * 400) / 1_000_000);
  });
});

/** That of a small Lambda; the objects of the bomb with most elements take more than half of it. */
const heapMegabytes = 192;

/** What a process of its own, whose heap has no more, takes beyond what it had before it read the bomb with every reader. */
async function mostMegabytesReading(bomb: string): Promise<number> {
  const program = fileURLToPath(new URL('bomb-reading.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [`--max-old-space-size=${heapMegabytes}`, '--import', 'tsx', program, bomb], { timeout: 50_000, env: { ...process.env, NODE_OPTIONS: '' } });
  return Number(stdout);
}

const tlvOf = (tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array => derElement(0x30, tbs, algorithm, derElement(0x03, Uint8Array.of(0), signature));
